-- Sends prepared requests, one after the other; each thread its own share. A line of the file is, between tabs:
-- method, path, type of the body, address of the client, bearer, body.
-- Arguments after the file: "shared" gives every thread all lines; with "once" each line is sent once: a thread that
-- has no more stops, and the time until then is what counts.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } moment; int clock_gettime(int clock, moment *now);")
local prepared, threads, mine, serial, once, idle = {}, {}, 0, 0, false, nil
local function now()
  local moment = ffi.new("moment")
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.s) + tonumber(moment.ns) / 1e9
end
function setup(thread)
  thread:set("number", serial)
  serial = serial + 1
  threads[serial] = thread
end
function init(args)
  local count, place = tonumber(os.getenv("BENCH_THREADS")), 0
  once = args[2] == "once"
  for line in io.lines(args[1]) do
    if place % count == number or args[2] == "shared" then
      local method, path, content, address, bearer, body = line:match("^(.-)\t(.-)\t(.-)\t(.-)\t(.-)\t(.*)$")
      local headers = {}
      if content ~= "" then headers["Content-Type"] = content end
      if address ~= "" then headers["X-Forwarded-For"] = address end
      if bearer ~= "" then headers["Authorization"] = "Bearer " .. bearer end
      headers["Origin"] = os.getenv("BENCH_ORIGIN")
      prepared[#prepared + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
    end
    place = place + 1
  end
  idle = wrk.format("GET", "/readyz")
end
function request()
  began = began or now()
  mine = mine + 1
  if once and mine > #prepared then
    ended = ended or now()
    wrk.thread:stop()
    return idle
  end
  return prepared[(mine - 1) % #prepared + 1]
end
function done(summary, latency)
  local seconds = 0
  for _, thread in ipairs(threads) do
    local ended = thread:get("ended")
    seconds = math.max(seconds, ended and ended - thread:get("began") or summary.duration / 1e6)
  end
  io.write(string.format("JSON {\"requests\":%d,\"seconds\":%.3f,\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"errors\":%d}\n",
    summary.requests, seconds, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
