-- Restore an archived order, for as long as its archive would have been kept.
-- KEYS: the archive of the order, resting. args: ref, lane, archive (its value), document.
-- Return 1, or 0 if the order is not archived with this value any more.
local ref, lane = args.ref, args.lane
if redis.call('GET', KEYS[1]) ~= args.archive then return 0 end
local ttl = redis.call('PTTL', KEYS[1])
local record, state, history = unpack(cjson.decode(args.document))

local function write(command, key, values)
  if #values == 0 then return end
  redis.call(command, key, unpack(values))
  if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
end

write('HSET', keys.order .. ref, record)
write('HSET', keys.lane .. lane, state)
write('RPUSH', keys.history .. lane, history)
if redis.call('HGET', keys.order .. ref, 'gett_id') == ref then write('SET', keys.by_gett_id .. ref, {ref}) end
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], format_ms(now_ms()), ref)
return 1
