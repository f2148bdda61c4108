-- Record the outcome of an attempt, by compare-and-set on its claim. For a ticket, also append its first update and
-- notify a worker.
-- KEYS: the record, unsettled, incidents, the pointer of the POS's order id, the four of a notification.
-- args: ref, lane, owner, outcome (placed, refused, released, in_doubt), status (HTTP), answer, partner_id, accepted (total),
-- update (JSON, or empty), key_ttl, order_ttl (s), force, call_ms (duration of the POS call, or nil), why (code of the failure, or
-- nil), look_ups, looked_up (number and result of the look-ups, or nil); key, gett_id, store, fingerprint, order (JSON, or empty): for a record that Redis has lost.
-- Return 'ok', 'same' (the ticket is recorded already), 'duplicate' (it contradicts the record) or 'stale' (not the
-- holder).
--- @include "webhook_kit.outbox/archived"
--- @include "webhook_kit.outbox/pos_ids"
--- @include "webhook_kit.placement/records"
--- @include "webhook_kit.storage/notify"
require_known_lane(args.lane)
local placement, now = KEYS[1], math.floor(now_ms())
local r = redis.call('HMGET', placement, 'state', 'owner', 'partner_id', 'keys', 'gett_id')
local state, partner_id, key_list, gett_id = r[1], r[3], r[4] or '', r[5] or ''
if not state and archived(args.ref) then return {'archived', args.ref} end
local holds = args.force or (r[2] == args.owner and (state == 'claimed' or state == 'calling'))

local function raise_incident(kind, recorded)
  redis.call('LPUSH', KEYS[3], cjson.encode({at = now, kind = kind, order = args.ref, state = state, known = recorded,
                                             reported = args.partner_id}))
  redis.call('LTRIM', KEYS[3], 0, 999)
end

-- Write a record that was lost because Redis was emptied during the call.
local function restore()
  local has_key = args.key ~= ''
  key_list, gett_id = has_key and args.key .. '\n' or '', args.gett_id
  redis.call('HSET', placement, 'format', FORMAT, 'ref', args.ref, 'created', now, 'keys', key_list, 'gett_id', gett_id, 'store', args.store,
             'fp', args.fingerprint)
  if args.order ~= '' then redis.call('HSET', placement, 'order', args.order) end
  list_order(args.ref, now)
  record(args.lane, 'restored')
  if has_key then redis.call('SET', keys.by_key .. args.key, args.fingerprint .. ' ' .. args.ref) end
  if args.gett_id ~= '' then redis.call('SET', keys.by_gett_id .. args.gett_id, args.ref) end
end

-- Record an attempt in the history. The record itself tells of the final one.
local function record_attempt()
  record_again(args.lane, args.outcome, nil, {attempt = tonumber(redis.call('HGET', placement, 'attempt')), ms = args.call_ms,
                                              why = args.why, look_ups = args.look_ups, looked_up = args.looked_up})
end

-- Keep of a final outcome what a replay and a person need. The answer has the order's content.
local function record_answer(...)
  redis.call('HSET', placement, 'state', args.outcome, 'status', args.status, 'answer', args.answer, 'accepted', args.accepted,
             'updated', now, 'ms', args.call_ms or '', ...)
  redis.call('HDEL', placement, 'order', 'owner', 'lease', 'doubt')
  if args.look_ups then record(args.lane, 'looked_up', nil, {look_ups = args.look_ups, looked_up = args.looked_up}) end
end

local function expire_settled(ttl)
  expire(placement, key_list, gett_id, ttl, args.key_ttl)
  redis.call('ZREM', KEYS[2], args.ref)
end

if args.outcome == 'placed' then
  if state == 'placed' then
    if partner_id == args.partner_id then return 'same' end
    raise_incident('duplicate_ticket', partner_id or '')
    record(args.lane, 'duplicate_ticket', nil, {pos_number = args.partner_id})
    keep_history(args.lane)
    return 'duplicate'
  end
  if state == 'refused' then
    raise_incident('placed_after_refusal', '')
    record(args.lane, 'placed_after_refusal', nil, {pos_number = args.partner_id})
    keep_history(args.lane)
    return 'duplicate'
  end
  if not state then restore() end
  record_answer('partner_id', args.partner_id)
  expire_settled(args.order_ttl)
  local other = point_pos_id(KEYS[4], args.ref, args.order_ttl, false)
  if other then raise_incident('pos_order_id_reused', other) end
  if args.update ~= '' then
    append(args.lane, {kind = 'order', store = args.store, gett_id = gett_id, rank = 1, urgency = 1,
                                  body = args.update, force = false, merging = true, ttl = args.order_ttl, traceparent = args.traceparent})
    notify_worker()
  else
    redis.call('ZADD', keys.unconfirmed, now, args.ref)
  end
  return 'ok'
end
if args.outcome == 'in_doubt' and not state then
  restore()
  holds = true
end
if not holds then return 'stale' end
if args.outcome == 'in_doubt' then
  redis.call('HSET', placement, 'state', 'in_doubt', 'doubt', '1', 'updated', now)
  record_attempt()
  persist(placement, key_list, gett_id)
  redis.call('ZADD', KEYS[2], now, args.ref)
  return 'ok'
end
if args.outcome == 'refused' then
  record_answer('fp', args.fingerprint)  -- an attempt in doubt has left that of the earlier one
  redis.call('XADD', keys.refusals, 'MINID', string.format('%.0f', now - args.order_ttl * 1000), '*', 'ref', args.ref,
             'store', args.store, 'code', string.match(args.answer, '"errorCode":"([%w_]+)"') or '')
  expire_settled(args.order_ttl)
  redis.call('ZADD', keys.resting, now, args.ref)
else
  redis.call('HSET', placement, 'state', 'released', 'doubt', '0', 'updated', now)
  record_attempt()
  expire_settled(args.key_ttl)
end
return 'ok'
