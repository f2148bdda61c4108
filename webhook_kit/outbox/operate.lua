-- Operator commands on a lane: retry now, discard updates.
-- KEYS: the lane's state, its queue, the four of a notification.
-- args: command (an id), lane, action (retry_now, discard), update (a number; nil: all).
-- Return how many updates the command reached; -1 when there is no such lane.
--- @include "webhook_kit.outbox/archived"
--- @include "webhook_kit.storage/notify"
--- @include "webhook_kit.storage/once"
require_known_lane(args.lane)
local ref = order_of(args.lane)
if ref and archived(ref) then return {'archived', ref} end

local function operate()
  local lane = args.lane
  local state, queue = keys.lane .. lane, keys.queue .. lane
  if redis.call('EXISTS', state) == 0 then return -1 end
  -- What is being sent is out of reach: taken away now, it could arrive after something newer.
  local sending = (redis.call('HGET', state, 'owner') or '') ~= ''
                  and tonumber(redis.call('ZSCORE', keys.delayed, lane) or '0') > now_ms()
  local reached = 0
  if args.action == 'discard' then
    for position, text in ipairs(redis.call('LRANGE', queue, 0, -1)) do
      local update = cjson.decode(text)
      if not (sending and position == 1) and (args.update == nil or update.id == args.update) then
        redis.call('LREM', queue, 1, text)
        record(lane, 'discarded', update.id)
        count('discarded')
        redis.call('HSET', state, 'last', '', 'undelivered', cjson.encode(update.body))
        reached = reached + 1
      end
    end
  end
  redis.call('HSET', state, 'attempts', 0)
  if sending then return reached end
  redis.call('HSET', state, 'owner', '')
  redis.call('ZREM', keys.delayed, lane)
  redis.call('ZREM', keys.ready, lane)
  local head = redis.call('LINDEX', queue, 0)
  if head then
    if not redis.call('ZSCORE', keys.unlinked, lane) then make_ready(lane, cjson.decode(head)) end
    if args.action == 'retry_now' then reached = 1 end
    notify_worker()
  else
    redis.call('ZREM', keys.unlinked, lane)
    expire_lane(lane)
  end
  return reached
end
return once(operate)
