-- Every request is the next body of the folder in BODIES; one line of results that load.py reads.
local bodies, number = {}, 0
function init(args)
  while true do
    local file = io.open(os.getenv("BODIES") .. "/" .. number .. ".json", "rb")
    if not file then break end
    bodies[number] = wrk.format("POST", "/invocations", {["Content-Type"] = "application/json"}, file:read("*a"))
    file:close()
    number = number + 1
  end
end
local sent = 0
function request()
  sent = sent + 1
  return bodies[sent % number]
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RES %d %f %f %f %d\n", summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
