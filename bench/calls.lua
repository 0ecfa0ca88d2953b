-- Makes the prepared calls, one after the other: "METHOD PATH BODY" a line; each thread takes its own share.
local lines, mine, serial = {}, 0, 0
function setup(thread)
  thread:set("number", serial)
  serial = serial + 1
end
function init(args)
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
    lines[#lines + 1] = wrk.format(method, path, {
      ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
      ["Content-Type"] = "application/json",
    }, body ~= "" and body or nil)
  end
  mine = number
end
function request()
  mine = mine + tonumber(os.getenv("BENCH_THREADS"))
  return lines[mine % #lines + 1]
end
function done(summary, latency)
  io.write(string.format("JSON {\"requests\":%d,\"seconds\":%.3f,\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,\"errors\":%d}\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
