-- Replay a dead letter into its lane, or discard it.
-- KEYS: dead letters, their moments, the four of a notification.
-- args: command (an id), update (its number), action (replay, discard), who (a person; nil: not known), job (id of the job of many
-- dead letters that counts this one; nil: none).
-- Return 'ok', or the reason for which it is not replayed: 'unknown', 'expired', 'stale', 'superseded'.
--- @include "webhook_kit.outbox/archived"
--- @include "webhook_kit.storage/notify"
--- @include "webhook_kit.storage/once"
local text = redis.call('HGET', keys.dead_letters, args.update)
local letter = text and cjson.decode(text)
if letter then require_known(letter.format) require_known_lane(letter.lane) end
local ref = letter and order_of(letter.lane)
if ref and archived(ref) then return {'archived', ref} end

local function resolve()
  if not letter then return 'unknown' end
  local lane = letter.lane
  if args.action == 'replay' then
    local r = redis.call('HMGET', keys.lane .. lane, 'kind', 'acknowledged_rank', 'acknowledged_id', 'owner')
    if not r[1] then return 'expired' end
    -- An older status is never sent after a newer one was taken.
    if letter.id < tonumber(r[3] or '0') or letter.rank < tonumber(r[2] or '0') then return 'stale' end
    local tail = redis.call('LINDEX', keys.queue .. lane, -1)
    if tail and cjson.decode(tail).id > letter.id then return 'superseded' end
    local appended = tonumber(letter.at)
    enqueue(lane, {id = letter.id, at = appended, since = appended, rank = letter.rank, urgency = letter.urgency, body = letter.body},
            true, (r[4] or '') ~= '')
    notify_worker()
    record(lane, 'replayed', letter.id, {who = args.who})
  else
    record(lane, 'discarded', letter.id, {who = args.who})
    count('discarded')
  end
  redis.call('HDEL', keys.dead_letters, args.update)
  redis.call('ZREM', keys.dead_letter_times, args.update)
  count('dead_letters', -1)
  return 'ok'
end
-- Resolve it, and count it for its job.
local function resolve_and_count()
  local result = resolve()
  if args.job and result ~= 'unknown' then redis.call('HINCRBY', keys.dead_letter_job .. args.job, result == 'ok' and 'done' or 'failed', 1) end
  return result
end
return once(resolve_and_count)
