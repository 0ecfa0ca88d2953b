-- Sends the prepared answers, one after the other, each from its own address; each thread takes its own share.
local bodies, mine, serial = {}, 0, 0
function setup(thread)
  thread:set("number", serial)
  serial = serial + 1
end
function init(args)
  for line in io.lines(args[1]) do bodies[#bodies + 1] = line end
  mine = number
end
function request()
  mine = mine + tonumber(os.getenv("BENCH_THREADS"))
  local body = bodies[mine % #bodies + 1]
  return wrk.format("POST", nil, {
    ["Content-Type"] = "application/x-www-form-urlencoded",
    ["X-Forwarded-For"] = string.format("10.%d.%d.%d", mine / 65536 % 256, mine / 256 % 256, mine % 256),
  }, body)
end
function done(summary, latency)
  io.write(string.format("JSON {\"requests\":%d,\"seconds\":%.3f,\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"errors\":%d}\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
