-- Keep the largest value of each gauge in a slot.
-- KEYS: the slot of five minutes. args: values (field, value, ...), slot_ttl (s).
for position = 1, #args.values, 2 do
  local field, value = args.values[position], args.values[position + 1]
  if value > tonumber(redis.call('HGET', KEYS[1], field) or '-1') then redis.call('HSET', KEYS[1], field, value) end
end
redis.call('EXPIRE', KEYS[1], args.slot_ttl)
