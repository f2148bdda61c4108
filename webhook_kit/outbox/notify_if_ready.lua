-- Notify a worker if a lane is ready, or due again: the job of an earlier notification may have died with its worker.
-- KEYS: ready, delayed, the four of a notification. Return 1 if something could be sent.
--- @include "webhook_kit.storage/notify"
if redis.call('EXISTS', keys.ready) == 1
   or #redis.call('ZRANGEBYSCORE', keys.delayed, '-inf', format_ms(now_ms()), 'LIMIT', 0, 1) == 1 then
  -- A job that no worker has begun in two seconds, and that is not in the queue, died with its worker or with a primary of Redis.
  local flag, queue = KEYS[#KEYS - 3], KEYS[#KEYS - 1]
  if redis.call('LLEN', queue) == 0 and redis.call('PTTL', flag) < 13000 then redis.call('DEL', flag) end
  notify_worker()
  return 1
end
return 0
