-- Pause or resume a store at Gett: the owner of the pause changes together with the update.
-- KEYS: owner of the pause, lane's state, its queue, the four of a notification.
-- args: name (the store's id), action (pause, resume), owner, until (Unix ms at which Gett lifts the pause; nil: never), and the fields of an update.
-- Return {result of the append, or 'owned'; owner of the pause}.
--- @include "webhook_kit.outbox/lanes"
--- @include "webhook_kit.storage/notify"
local current = redis.call('GET', KEYS[1])
if args.action == 'pause' then
  if current == 'person' and args.owner ~= 'person' then return {'duplicate', current} end
  if not current or args.owner == 'person' then
    redis.call('SET', KEYS[1], args.owner)
    -- Gett lifts a pause with an end by itself: it has no owner after that.
    if args['until'] then redis.call('PEXPIREAT', KEYS[1], args['until']) end
    if not current then redis.call('ZADD', keys.paused_stores, math.floor(now_ms()), args.name) end
  end
else
  if current and args.owner ~= 'person' and args.owner ~= current then return {'owned', current} end
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', keys.paused_stores, args.name)
end
local result = append(args.lane, args)
if result == 'ok' then notify_worker() end
return {result, current or ''}
