-- Makes the prepared calls, one after the other: "METHOD PATH BODY" a line; each thread takes its own share.
-- With "once" each is made once: whoever has no more stops, and the time until then is what counts.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } moment; int clock_gettime(int clock, moment *now);")
local lines, threads, mine, serial, once, idle = {}, {}, 0, 0, false, nil
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
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
    lines[#lines + 1] = wrk.format(method, path, {
      ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
      ["Content-Type"] = "application/json",
    }, body ~= "" and body or nil)
  end
  once = args[2] == "once"
  idle = wrk.format("GET", "/readyz")
  mine = number
end
function request()
  began = began or now()
  mine = mine + tonumber(os.getenv("BENCH_THREADS"))
  if once and mine >= #lines then
    ended = ended or now()
    wrk.thread:stop()
    return idle
  end
  return lines[mine % #lines + 1]
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
