-- Begin to cancel an order at its POS, at most once: after a call that may have reached the POS a person has to decide.
-- KEYS: the cancellation of the order.
-- args: ref, owner (a caller that asks again, because the reply was lost, gets the same answer), lease (ms), ttl (s).
-- Return 'begun'; 'confirmed': the order is not unconfirmed any more; 'calling': another process has begun;
-- 'done': it is cancelled at the POS; 'in_doubt': a process has ended, or failed, during its call.
local now = now_ms()
local c = redis.call('HMGET', KEYS[1], 'state', 'owner', 'until')
if c[1] == 'calling' then
  if c[2] == args.owner then return 'begun' end
  if now < tonumber(c[3]) then return 'calling' end
  redis.call('HSET', KEYS[1], 'state', 'in_doubt')
  return 'in_doubt'
end
if c[1] then return c[1] end
if not redis.call('ZSCORE', keys.unconfirmed, args.ref) then return 'confirmed' end
redis.call('HSET', KEYS[1], 'state', 'calling', 'owner', args.owner, 'until', format_ms(now + args.lease))
redis.call('EXPIRE', KEYS[1], args.ttl)
return 'begun'
