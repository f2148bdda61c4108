-- Empty Redis. Return the updates that are being sent at that moment, as JSON: order, body.
-- KEYS: delayed.
local heads = {}
for _, lane in ipairs(redis.call('ZRANGE', keys.delayed, 0, -1)) do
  local head = cjson.decode(redis.call('LINDEX', keys.queue .. lane, 0))
  heads[#heads + 1] = cjson.encode({order = string.sub(lane, 7), body = head.body})
end
redis.call('FLUSHALL')
return heads
