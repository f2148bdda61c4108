-- Claim an order, or find out what it is: a repetition, an order that is being placed right now, or another order.
-- KEYS: the pointers of the Idempotency-Key and of the Gett order id, unsettled; the signed body, if it is to be remembered.
-- args: key, gett_id (may be empty), fingerprint, former (fingerprint in the form of an earlier version, or nil), owner, lease (ms), store, signed_ttl (s), key_ttl, order_ttl (s), order (JSON, or nil),
-- trace and trace_byte (bytes 2 to 9 of Gett's trace id, and the first one as hex digits; nil: none came).
-- order is the priced order, when the POS can be called at once. If claim and POS call are recorded in one, return the
-- orderRef alone. Otherwise return a list that begins with 'claimed' (orderRef, doubt, same content, earlier order),
-- 'replay' (status, answer, orderRef, newly linked Gett order id), 'busy' (ms until the lease ends),
-- 'already_placed' (the POS's order id), 'key_reused', 'replayed' (the same signed body under another Idempotency-Key),
-- 'former' (a recorded fingerprint has the form of an earlier version: call again with args.former) or 'archived'.
--- @include "webhook_kit.outbox/archived"
--- @include "webhook_kit.placement/records"

-- Return true unless both amounts are known, one of them is named by its order, and they differ. An amount that is only
-- implied by a token begins with ~.
local function same_amount(one, other)
  local implied_one, value_one = string.match(one, '^(~?)(.*)$')
  local implied_other, value_other = string.match(other, '^(~?)(.*)$')
  if value_one == '' or value_other == '' or value_one == value_other then return true end
  return implied_one ~= '' and implied_other ~= ''
end

-- Return true if a recorded fingerprint is that of the same order as another one.
local function same_fingerprint(recorded, other)
  if recorded == other then return true end
  local form = '^(%x+):([^/]*)/(.*)$'
  local content, total, tip = string.match(recorded, form)
  local other_content, other_total, other_tip = string.match(other, form)
  if not content or not other_content then return false end
  if string.sub(content, 1, #other_content) ~= other_content then return false end  -- it was longer in an earlier version
  return same_amount(total, other_total) and same_amount(tip, other_tip)
end

-- Return true if a recorded fingerprint is that of the order that came.
local function same_order(recorded)
  return recorded and (recorded == args.former or same_fingerprint(recorded, args.fingerprint))
end

-- Return true if a recorded fingerprint cannot be compared, because it has the form of an earlier version.
local function needs_former(recorded)
  return recorded and not args.former and recorded ~= args.fingerprint and not string.find(recorded, ':', 1, true)
end

if KEYS[4] then
  if (redis.call('GET', KEYS[4]) or args.key) ~= args.key then return {'replayed'} end
  redis.call('SET', KEYS[4], args.key, 'EX', args.signed_ttl)
end
local named = args.gett_id ~= '' and args.gett_id or args.key
local pointer, by_id, archive = unpack(redis.call('MGET', KEYS[1], KEYS[2], keys.archive .. named))
if archive then return {'archived', named} end
local by_key_fp, by_key = string.match(pointer or '', '^(%S*) (.*)$')
if needs_former(by_key_fp) then return {'former'} end
if by_key and not same_order(by_key_fp) then return {'key_reused'} end
if args.gett_id == '' then by_id = nil end
if by_key and by_id and by_key ~= by_id then return {'key_reused'} end
local ref = by_key or by_id or named
local placement, now = keys.order .. ref, math.floor(now_ms())
local r = redis.call('HMGET', placement, 'state', 'lease', 'doubt', 'fp', 'answer', 'status', 'partner_id', 'gett_id',
                     'keys', 'order', 'owner', 'attempt', 'created', 'updated', 'format', refusal_field(args.key))
require_known(r[15])
if needs_former(r[4]) then return {'former'} end
if not r[1] and ref ~= named and archived(ref) then return {'archived', ref} end
local state, lease, doubt, same = r[1], tonumber(r[2] or '0'), r[3] == '1', same_order(r[4])
local status, answer, partner_id, gett_id, earlier_order = r[6], r[5], r[7] or '', r[8] or '', r[10] or ''

-- Count that the answer is given again.
local function count_replay()
  redis.call('HINCRBY', placement, 'replays', 1)
  redis.call('HSET', placement, 'replayed', now)
end

-- Let the Idempotency-Key and the Gett order id lead to the record.
local function point()
  if not by_key then
    redis.call('SET', KEYS[1], args.fingerprint .. ' ' .. ref)
    redis.call('HDEL', placement, refusal_field(args.key))  -- of the time before the key expired
  end
  if args.gett_id ~= '' and not by_id then redis.call('SET', KEYS[2], ref) end
end

if args.trace then
  local day = math.floor(now / 86400000)
  local traces = keys.traces .. string.format('%d:', day) .. args.trace_byte
  redis.call('HSET', traces, args.trace, ref)
  redis.call('EXPIREAT', traces, (day + 1) * 86400 + args.key_ttl)
end
if state and r[11] == args.owner then
  -- This claim was granted, and its reply was lost on the way: give it again.
  if state == 'calling' then return ref end
  return {'claimed', ref, doubt and '1' or '0', same and '1' or '0', earlier_order}
end
if by_key and r[16] then
  count_replay()
  local refused_with, refusal = string.match(r[16], '^(%d+) (.*)$')
  return {'replay', refused_with, refusal, ref, ''}
end
if state == 'placed' then
  if not same then
    record_again(order_lane(ref), 'other_content')
    keep_history(order_lane(ref))
    return {'already_placed', partner_id}
  end
  point()
  redis.call('EXPIRE', KEYS[1], args.key_ttl)
  if args.gett_id ~= '' then redis.call('EXPIRE', KEYS[2], args.order_ttl) end
  count_replay()
  return {'replay', status, answer, ref, gett_id == '' and args.gett_id or ''}
end
if state == 'refused' and by_key and same then
  count_replay()
  return {'replay', status, answer, ref, ''}
end
if (state == 'claimed' or state == 'calling') and lease > now then return {'busy', tostring(lease - now)} end

-- The record keeps its last attempt. What it says of an earlier one goes to the history.
if state == 'claimed' or state == 'calling' then
  record_again(order_lane(ref), 'abandoned', nil, {attempt = tonumber(r[12]), state = state})
elseif state == 'refused' then
  record(order_lane(ref), 'refused', nil, {at = r[14], attempt = tonumber(r[12]), status = tonumber(status),
                                           code = string.match(answer or '', '"errorCode":"([%w_]+)"')})
  for key in string.gmatch(r[9] or '', '[^\n]+') do
    -- What a key was told stays its answer. A key that came with other content was not told this.
    local fp = string.match(redis.call('GET', keys.by_key .. key) or '', '^(%S*) ')
    if fp and r[4] and same_fingerprint(fp, r[4]) then redis.call('HSETNX', placement, refusal_field(key), status .. ' ' .. answer) end
  end
end

local calling, key_list = args.order and not doubt, r[9] or ''
if not by_key or not state then key_list = key_list .. args.key .. '\n' end
if gett_id == '' then gett_id = args.gett_id end
local record = {'format', FORMAT, 'state', calling and 'calling' or 'claimed', 'owner', args.owner, 'lease', now + args.lease,
                'doubt', (doubt or calling) and '1' or '0', 'keys', key_list, 'ref', ref, 'gett_id', gett_id,
                'store', args.store, 'updated', now, 'attempt', (r[12] or 0) + 1}
local function add(field, value)
  record[#record + 1], record[#record + 2] = field, value
end
if not doubt then add('fp', args.fingerprint) end
if calling then add('order', args.order) end
if not r[13] then
  add('created', now)
  list_order(ref, now)
end
redis.call('HSET', placement, unpack(record))
point()
if calling then
  if state or by_key or by_id then persist(placement, key_list, gett_id) end  -- a new key has no end
  redis.call('ZADD', KEYS[3], now + args.lease, ref)
  return ref  -- nearly every order ends here, and one value is parsed faster than a list
end
if doubt then
  redis.call('PERSIST', placement)
  redis.call('PERSIST', history_of(placement))
  return {'claimed', ref, '1', same and '1' or '0', earlier_order}
end
redis.call('EXPIRE', placement, args.key_ttl)
redis.call('EXPIRE', history_of(placement), args.key_ttl)
redis.call('EXPIRE', KEYS[1], args.key_ttl)
if args.gett_id ~= '' then redis.call('EXPIRE', KEYS[2], args.key_ttl) end
return {'claimed', ref, '0', '1', ''}
