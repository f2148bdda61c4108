-- Delete the oldest incidents.
-- KEYS: incidents. args: before (ms).
-- Return the number of deleted ones.
local deleted = 0
while true do
  local oldest = redis.call('LINDEX', KEYS[1], -1)
  local read, incident = pcall(cjson.decode, oldest or '')
  if not oldest or (read and tonumber(incident.at) >= args.before) then return deleted end
  redis.call('RPOP', KEYS[1])
  deleted = deleted + 1
end
