-- Sends prepared requests, one after the other; each thread its own share. A line of the file is, between tabs:
-- method, path, type of the body, address of the client, bearer, body.
local prepared, mine, serial = {}, 0, 0
function setup(thread)
  thread:set("number", serial)
  serial = serial + 1
end
function init(args)
  local threads, place = tonumber(os.getenv("BENCH_THREADS")), 0
  for line in io.lines(args[1]) do
    if place % threads == number or args[2] == "shared" then
      local method, path, kind, address, bearer, body = line:match("^(.-)\t(.-)\t(.-)\t(.-)\t(.-)\t(.*)$")
      local headers = {}
      if kind ~= "" then headers["Content-Type"] = kind end
      if address ~= "" then headers["X-Forwarded-For"] = address end
      if bearer ~= "" then headers["Authorization"] = "Bearer " .. bearer end
      prepared[#prepared + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
    end
    place = place + 1
  end
end
function request()
  mine = mine + 1
  return prepared[(mine - 1) % #prepared + 1]
end
function done(summary, latency)
  io.write(string.format("JSON {\"requests\":%d,\"seconds\":%.3f,\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"errors\":%d}\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
