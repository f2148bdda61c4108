-- Record the outcome of a send, by compare-and-set on its lease, and go on with the lane.
-- KEYS: the lane's state, its queue, the four of a notification.
-- args: lane, owner, update (its number), outcome (sent, postponed, dead_lettered), delay (ms), charge, why, status (HTTP; 0: no
-- answer), code (of Gett's error, or nil), merging.
-- Return 'ok', {'ok', document} for an order that can be archived, because it has ended, or 'stale' when the lease is no longer the
-- caller's.
--- @include "webhook_kit.outbox/archived"
--- @include "webhook_kit.outbox/sending"
--- @include "webhook_kit.storage/notify"
local lane, now = args.lane, now_ms()
local state, queue = keys.lane .. lane, keys.queue .. lane
require_known_lane(lane)
local owner, place = unpack(redis.call('HMGET', state, 'owner', 'send_entry'))
if owner ~= args.owner then return 'stale' end
local head, next_head = unpack(redis.call('LRANGE', queue, 0, 1))
if not head then return 'stale' end
local update = cjson.decode(head)
if update.id ~= args.update then return 'stale' end
redis.call('HDEL', state, 'owner', 'send_entry', 'lapses')
redis.call('ZREM', keys.delayed, lane)
if place then move_place(place) end

if args.outcome == 'postponed' then
  record_again(lane, 'postponed', update.id, {why = args.why, status = args.status, code = args.code, seconds = args.delay / 1000})
  if args.charge then redis.call('HINCRBY', state, 'attempts', 1) end
  local urgent = false
  if args.merging then
    local merged
    merged, urgent = merge_all(lane)
    if merged then redis.call('HSET', state, 'attempts', 0) end
  end
  redis.call('ZADD', keys.delayed, format_ms(urgent and now or now + args.delay), lane)
  return 'ok'
end

redis.call('LPOP', queue)
redis.call('HDEL', state, 'attempts', 'undelivered')
if args.outcome == 'sent' then
  redis.call('HSET', state, 'acknowledged', cjson.encode(update.body), 'acknowledged_rank', update.rank, 'acknowledged_id', update.id,
             'acknowledged_at', string.format('%.0f', now))
  record(lane, 'sent', update.id, {status = args.status})
  count('sent')
  record_response()
else
  redis.call('HSET', state, 'last', '', 'undelivered', cjson.encode(update.body))
  redis.call('HSET', keys.dead_letters, update.id, cjson.encode({format = FORMAT, id = update.id, lane = lane,
    store = redis.call('HGET', state, 'store') or '', at = format_ms(update.at),
    body = update.body, rank = update.rank, urgency = update.urgency, why = args.why, status = args.status,
    dead_lettered = format_ms(now)}))
  redis.call('ZADD', keys.dead_letter_times, format_ms(now), update.id)
  -- Dead letters are deleted after 30 days: everything that is kept needs an end.
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', keys.dead_letter_times, '-inf', format_ms(now - 2592000000), 'LIMIT', 0, 100)) do
    redis.call('HDEL', keys.dead_letters, number)
    redis.call('ZREM', keys.dead_letter_times, number)
    count('dead_letters', -1)
    count('expired')
  end
  record(lane, 'dead_lettered', update.id, {why = args.why, status = args.status, code = args.code})
  count('dead_letters')
end
if next_head then
  make_ready(lane, cjson.decode(next_head))
  notify_worker()
else
  expire_lane(lane)
  local ended = args.outcome == 'sent' and update.rank >= 8 and document(lane)
  if ended then return {'ok', ended} end
end
return 'ok'
