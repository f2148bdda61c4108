-- Delete the oldest dead letters.
-- KEYS: dead letters, their moments. args: before (ms), limit.
-- Return the number of deleted ones.
--- @include "webhook_kit.outbox/lanes"
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', format_ms(args.before), 'LIMIT', 0, args.limit)
for _, number in ipairs(old) do
  redis.call('HDEL', KEYS[1], number)
  redis.call('ZREM', KEYS[2], number)
  count('dead_letters', -1)
  count('expired')
end
return #old
