-- Library of the lanes. Besides the outbox, placement uses it: a placed order's first update is appended with its record.
--
-- key               type         holds
-- lane:<lane>       hash         format (of all three; webhook_kit/storage/formats.py), kind, store, gett_id, rank (highest ever appended), last (last body appended), closed, ttl,
--                                owner (sender of the head), attempts, lapses (leases in a row that ran out), acknowledged
--                                (last body that Gett took), acknowledged_rank, acknowledged_id, acknowledged_at, undelivered
--                                (last body dead-lettered or discarded since), send_entry (while it is sent under a quota: its
--                                entry in sends)
-- queue:<lane>      list         updates that Gett has not taken, oldest first, as JSON: id, at, since, rank, urgency, body,
--                                traceparent (of the span that appended it, while traces are on)
-- history:<lane>    list         events of each update, and of an order's placement, newest last, at most 100, as JSON: at, event,
--                                update, further details; of an event that happened again and again: last (moment), count
-- ready             sorted set   lanes to send now, by urgency × 10^13 + the moment since which Gett is out of date
-- delayed           sorted set   lanes that are being sent or are postponed, by the moment at which they are due again
-- unlinked          sorted set   lanes of orders whose Gett id is unknown, by the moment of the first update
-- last-update       string       the number of the last update
-- update-counts     hash         number of updates that were appended, and that ended in each way
--
-- Moments are Redis TIME in ms.

-- Return the orderRef of an order's lane; nil for another lane.
local function order_of(lane) return string.match(lane, '^order:(.*)$') end

-- Return the lane of an order.
local function order_lane(ref) return string.format('order:%s', ref) end

-- Add an entry to a lane's history. Beyond 100 entries the oldest 30 and the newest stay; one entry counts those between them.
local function record(lane, event, number, details)
  local history = keys.history .. lane
  local entry = {at = string.format('%.0f', math.floor(now_ms())), event = event, update = number}
  for name, value in pairs(details or {}) do entry[name] = value end
  if redis.call('RPUSH', history, cjson.encode(entry)) > 100 then
    local left_out = cjson.decode(redis.call('LINDEX', history, 30))
    if left_out.event ~= 'left_out' then left_out = {at = left_out.at, event = 'left_out', count = 1} end
    left_out.count = left_out.count + 1
    redis.call('LSET', history, 31, cjson.encode(left_out))
    redis.call('LSET', history, 30, '')
    redis.call('LREM', history, 1, '')
  end
end

-- Return true if two entries of a history say the same at different moments.
local function same_entry(one, other)
  local varies = {at = true, last = true, count = true, ms = true, seconds = true, attempt = true}
  for name, value in pairs(one) do if not varies[name] and other[name] ~= value then return false end end
  for name, value in pairs(other) do if not varies[name] and one[name] ~= value then return false end end
  return true
end

-- Add an entry of something that may happen again and again: one entry counts the times, so that retries push nothing out.
local function record_again(lane, event, number, details)
  local history, now = keys.history .. lane, string.format('%.0f', math.floor(now_ms()))
  local entry = {at = now, event = event, update = number}
  for name, value in pairs(details or {}) do entry[name] = value end
  local newest = redis.call('LRANGE', history, -4, -1)
  for position = #newest, 1, -1 do
    local earlier = cjson.decode(newest[position])
    if same_entry(earlier, entry) then
      entry.at, entry.last, entry.count = earlier.at, now, (earlier.count or 1) + 1
      redis.call('LSET', history, position - #newest - 1, cjson.encode(entry))
      return
    end
  end
  record(lane, event, number, details)
end

-- Return the later form that a lane has, or the record of its order; nil if both are known.
local function newer_lane(lane)
  local format = redis.call('HGET', keys.lane .. lane, 'format')
  if not is_newer(format) and order_of(lane) then format = redis.call('HGET', keys.order .. order_of(lane), 'format') end
  return is_newer(format) and format or nil
end

-- Stop if a lane, or the record of its order, has a later form.
local function require_known_lane(lane) require_known(newer_lane(lane)) end

-- Let the history of an order live as long as its record and its lane, unless an update waits.
local function keep_history(lane)
  if redis.call('EXISTS', keys.queue .. lane) == 1 then return end
  local record_ttl = redis.call('PTTL', keys.order .. order_of(lane))
  local ttl = math.max(record_ttl, redis.call('PTTL', keys.lane .. lane))
  if record_ttl == -1 then redis.call('PERSIST', keys.history .. lane) else redis.call('PEXPIRE', keys.history .. lane, ttl) end
end

-- Count an update that ended in this way.
local function count(what, by) redis.call('HINCRBY', keys.update_counts, what, by or 1) end

-- Make a lane ready, by the urgency and the age of its head.
local function make_ready(lane, head)
  redis.call('ZADD', keys.ready, format_ms(head.urgency * 10000000000000 + head.since), lane)
end

-- Let the state and the history of an empty lane expire. Its order is at rest.
local function expire_lane(lane)
  local ttl = redis.call('HGET', keys.lane .. lane, 'ttl') or '604800'
  redis.call('EXPIRE', keys.lane .. lane, ttl)
  redis.call('EXPIRE', keys.history .. lane, ttl)
  if order_of(lane) then redis.call('ZADD', keys.resting, format_ms(now_ms()), order_of(lane)) end
end

-- Merge an update into a newer one of its lane, which then stands for both.
local function merge(lane, older, newer)
  newer.since = math.min(newer.since, older.since)
  newer.urgency = math.min(newer.urgency, older.urgency)
  if older.body.estimatedReadyAt and not newer.body.estimatedReadyAt and (newer.rank == 1 or newer.rank == 2) then
    newer.body.estimatedReadyAt = older.body.estimatedReadyAt
  end
  record(lane, 'merged', older.id, {into = newer.id})
  count('merged')
end

-- Merge everything that waits in a lane into its newest update.
-- Return true if there was something to merge, and true if a newer update is more urgent than one before it.
local function merge_all(lane)
  local queue, merged, more_urgent = keys.queue .. lane, false, false
  while redis.call('LLEN', queue) > 1 do
    local older, newer = cjson.decode(redis.call('LPOP', queue)), cjson.decode(redis.call('LPOP', queue))
    merge(lane, older, newer)
    redis.call('LPUSH', queue, cjson.encode(newer))
    merged, more_urgent = true, more_urgent or newer.urgency < older.urgency
  end
  return merged, more_urgent
end

-- Put an update at the end of its lane. With `merging`, what waits there and is not being sent merges into it.
local function enqueue(lane, new, merging, sending)
  local queue = keys.queue .. lane
  if merging then
    while redis.call('LLEN', queue) > (sending and 1 or 0) do merge(lane, cjson.decode(redis.call('RPOP', queue)), new) end
  end
  local is_head = redis.call('RPUSH', queue, cjson.encode(new)) == 1
  if is_head then
    redis.call('PERSIST', keys.lane .. lane)
    redis.call('PERSIST', keys.history .. lane)
  end
  local delayed = redis.call('ZSCORE', keys.delayed, lane)
  if not sending and (new.urgency == 0 or not delayed) then
    if delayed then redis.call('ZREM', keys.delayed, lane) end
    make_ready(lane, is_head and new or cjson.decode(redis.call('LINDEX', queue, 0)))
  end
end

-- Append an update: {kind, store, gett_id, rank, urgency, body (JSON text), force, merging, ttl, traceparent}.
-- Return 'ok', or the reason for which it is not appended: 'closed', 'stale', 'duplicate'.
local function append(lane, update)
  local state, now = keys.lane .. lane, now_ms()
  local r = redis.call('HMGET', state, 'rank', 'last', 'closed', 'owner', 'gett_id', 'acknowledged_rank')
  local last, is_order = r[2], update.kind == 'order'
  if is_order then
    if r[3] == '1' and not update.force then return last == update.body and 'duplicate' or 'closed' end
    local lowest = tonumber(r[1] or '0')
    if update.force then
      -- It may go back behind what was discarded or dead-lettered, never behind what Gett took or will get.
      local tail = redis.call('LINDEX', keys.queue .. lane, -1)
      lowest = tail and cjson.decode(tail).rank or tonumber(r[6] or '0')
    end
    if update.rank < lowest then return 'stale' end
  end
  if last == update.body and not update.force then return 'duplicate' end
  local new = {id = redis.call('INCR', keys.last_update), at = now, since = now, rank = update.rank, urgency = update.urgency,
               body = cjson.decode(update.body), traceparent = update.traceparent}
  count('appended')
  record(lane, 'appended', new.id, {body = new.body})
  if is_order then redis.call('ZREM', keys.unconfirmed, order_of(lane)) end
  local gett_id = (r[5] and r[5] ~= '') and r[5] or update.gett_id
  redis.call('HSET', state, 'format', FORMAT, 'kind', update.kind, 'store', update.store, 'gett_id', gett_id, 'rank', update.rank,
             'last', update.body, 'closed', update.rank >= 8 and '1' or '0', 'ttl', update.ttl)
  enqueue(lane, new, update.merging, (r[4] or '') ~= '')
  if is_order and gett_id == '' then
    redis.call('ZREM', keys.ready, lane)
    redis.call('ZADD', keys.unlinked, 'NX', format_ms(now), lane)
  else
    redis.call('ZREM', keys.unlinked, lane)
  end
  return 'ok'
end

-- Attach a Gett order id to a lane, and make it ready if it has waited for that. Return true if it has.
local function link(lane, gett_id)
  if redis.call('EXISTS', keys.lane .. lane) == 0 then return false end
  redis.call('HSET', keys.lane .. lane, 'gett_id', gett_id)
  if redis.call('ZREM', keys.unlinked, lane) == 0 then return false end
  local head = redis.call('LINDEX', keys.queue .. lane, 0)
  if not head then return false end
  make_ready(lane, cjson.decode(head))
  return true
end
