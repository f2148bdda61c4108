"""The Lua scripts of the placement ledger. Each is one transaction; time is Redis TIME in ms.

A record is a hash with the fields

=============  =====================================================================================================
state          claimed, calling, placed, refused, in_doubt, released
owner          who holds the claim: settling is compare-and-set on it
attempt        how many claims there have been
lease          until when the claim is believed to be alive
doubt          "1" while an earlier attempt may have reached the POS
fp             fingerprint of the order that was claimed
keys           Idempotency-Keys that stand for it, one a line
gett_id store  Gett's order id (may be empty), the partner's store id
order          the order as handed to the POS, without payment and token
answer status  what Gett was answered for good, and the HTTP status
partner_id     the POS's order id
=============  =====================================================================================================
"""

from __future__ import annotations

from webhook_kit.outbox.scripts import LIBRARY
from webhook_kit.outbox.scripts import LINK as LINK_LANE

__all__ = ["CALLING", "CLAIM", "LINK", "RENEW", "SETTLE"]

_PERSIST = """
-- Nothing about an order that may be at the POS expires: neither its record nor any name that leads to it.
local function persist(rec, P)
  redis.call('PERSIST', rec)
  for key in string.gmatch(redis.call('HGET', rec, 'keys') or '', '[^\\n]+') do redis.call('PERSIST', P .. 'key:' .. key) end
  local id = redis.call('HGET', rec, 'gett_id')
  if id and id ~= '' then redis.call('PERSIST', P .. 'gett:' .. id) end
end
"""

CLAIM = (
    LIBRARY
    + _PERSIST
    + """
-- KEYS: pointer of the key, pointer of the Gett id, unsettled.
-- ARGV: prefix of records, key, Gett id, orderRef, fingerprint, owner, lease ms, store, TTL of keys, TTL of orders,
--       the order if the POS can be called at once, prefix of all keys.
-- A key's pointer is its own fingerprint, a space, the orderRef.
local pointer = redis.call('GET', KEYS[1])
local by_key = pointer and string.match(pointer, '^%S* (.*)$')
if pointer and string.match(pointer, '^%S*') ~= ARGV[5] then return {'key_reused'} end
local by_id = ARGV[3] ~= '' and redis.call('GET', KEYS[2])
if by_key and by_id and by_key ~= by_id then return {'key_reused'} end
local ref = by_key or by_id or ARGV[4]
local rec = ARGV[1] .. ref
local now = math.floor(clock())
local r = redis.call('HMGET', rec, 'state', 'lease', 'doubt', 'fp', 'answer', 'status', 'partner_id', 'gett_id',
                     'keys', 'attempt', 'order', 'owner')
local state, lease, doubt, fp = r[1], tonumber(r[2] or '0'), r[3] or '0', r[4]
local same = fp == ARGV[5]

local function point()
  if not by_key then redis.call('SET', KEYS[1], ARGV[5] .. ' ' .. ref) end
  if ARGV[3] ~= '' and not by_id then redis.call('SET', KEYS[2], ref) end
end
local function learn_gett_id()
  if ARGV[3] ~= '' and (r[8] or '') == '' then redis.call('HSET', rec, 'gett_id', ARGV[3]) end
end

if state and r[12] == ARGV[6] then
  -- This very claim was made already and its reply was lost on the way: say it again.
  if state == 'calling' then return ref end
  return {'claimed', ref, doubt, same and '1' or '0', r[11] or ''}
end
if state then
  if state == 'placed' then
    if not same then return {'already_placed', r[7] or ''} end
    point()
    redis.call('EXPIRE', KEYS[1], ARGV[9])
    if ARGV[3] ~= '' then redis.call('EXPIRE', KEYS[2], ARGV[10]) end
    return {'replay', r[6], r[5], ref, (r[8] or '') == '' and ARGV[3] or ''}
  end
  if state == 'refused' and by_key and same then return {'replay', r[6], r[5], ref, ''} end
  if (state == 'claimed' or state == 'calling') and lease > now then return {'busy', tostring(lease - now)} end
  if state == 'calling' or state == 'in_doubt' then doubt = '1' end
else
  doubt = '0'
end

point()
learn_gett_id()
if doubt == '1' then redis.call('PERSIST', rec) end
local keys = r[9] or ''
if not by_key then keys = keys .. ARGV[2] .. '\\n' end
redis.call('HSET', rec, 'state', 'claimed', 'owner', ARGV[6], 'lease', now + ARGV[7], 'doubt', doubt, 'keys', keys,
           'ref', ref, 'store', ARGV[8], 'updated', now)
redis.call('HINCRBY', rec, 'attempt', 1)
redis.call('HSETNX', rec, 'created', now)
redis.call('HSETNX', rec, 'gett_id', ARGV[3])
if doubt == '0' and ARGV[11] ~= '' then
  redis.call('HSET', rec, 'fp', ARGV[5], 'state', 'calling', 'doubt', '1', 'order', ARGV[11])
  persist(rec, ARGV[12])
  redis.call('ZADD', KEYS[3], now + ARGV[7], ref)
  return ref  -- the way of nearly every order: one word is read faster than five
end
if doubt == '0' then
  redis.call('HSET', rec, 'fp', ARGV[5])
  redis.call('EXPIRE', rec, ARGV[9])
  redis.call('EXPIRE', KEYS[1], ARGV[9])
  if ARGV[3] ~= '' then redis.call('EXPIRE', KEYS[2], ARGV[9]) end
end
return {'claimed', ref, doubt, same and '1' or '0', r[11] or ''}
"""
)
"""Decides, atomically, what a placeOrder is: the first, a repetition, a duplicate under way, or another order."""

CALLING = (
    LIBRARY
    + _PERSIST
    + """
-- KEYS: record, unsettled.
-- ARGV: owner, lease ms, fingerprint, order, orderRef, prefix of all keys.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'calling' then return 1 end  -- said already, and the reply was lost on the way
if state ~= 'claimed' then return 0 end
local now = math.floor(clock())
redis.call('HSET', KEYS[1], 'state', 'calling', 'doubt', '1', 'lease', now + ARGV[2], 'fp', ARGV[3], 'order', ARGV[4],
           'updated', now)
persist(KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[5])
return 1
"""
)
"""Written just before the POS is called: from here on the order may exist at the POS, and nothing about it expires."""

RENEW = (
    LIBRARY
    + """
-- KEYS: record, unsettled. ARGV: owner, lease ms, orderRef.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
local lease = math.floor(clock()) + ARGV[2]
redis.call('HSET', KEYS[1], 'lease', lease)
redis.call('ZADD', KEYS[2], 'XX', lease, ARGV[3])
return 1
"""
)
"""A call that still runs is slow, not dead."""

SETTLE = (
    LIBRARY
    + _PERSIST
    + """
-- KEYS: record, unsettled, incidents, flag, job, queue of RQ, set of queues.
-- ARGV: 1 owner, 2 outcome, 3 orderRef, 4 HTTP status, 5 answer, 6 partner id, 7 update or '', 8 TTL of keys,
--       9 TTL of orders, 10 prefix of all keys, 11 fallback fields (JSON), 12 force, 13 store, 14.. wake-up
local now = math.floor(clock())
local function incident(kind, state, known)
  redis.call('LPUSH', KEYS[3], cjson.encode({at = now, kind = kind, order = ARGV[3], state = state,
             known = known, reported = ARGV[6]}))
  redis.call('LTRIM', KEYS[3], 0, 999)
end
local r = redis.call('HMGET', KEYS[1], 'state', 'owner', 'partner_id', 'keys', 'gett_id')
local state, mine = r[1], r[2] == ARGV[1] and (r[1] == 'claimed' or r[1] == 'calling')
if ARGV[12] == '1' then mine = true end

local function keep(seconds)
  redis.call('EXPIRE', KEYS[1], seconds)
  for key in string.gmatch(redis.call('HGET', KEYS[1], 'keys') or '', '[^\\n]+') do
    redis.call('EXPIRE', ARGV[10] .. 'key:' .. key, ARGV[8])
  end
  local id = redis.call('HGET', KEYS[1], 'gett_id')
  if id and id ~= '' then redis.call('EXPIRE', ARGV[10] .. 'gett:' .. id, seconds) end
  redis.call('ZREM', KEYS[2], ARGV[3])
end

-- Redis was emptied while the POS worked: remember the order all the same.
local function restore()
  local lost = cjson.decode(ARGV[11])
  redis.call('HSET', KEYS[1], 'ref', ARGV[3], 'created', now, 'keys', lost.keys, 'gett_id', lost.gett_id,
             'store', lost.store, 'fp', lost.fp)
  for key in string.gmatch(lost.keys, '[^\\n]+') do redis.call('SET', ARGV[10] .. 'key:' .. key, lost.fp .. ' ' .. ARGV[3]) end
  if lost.gett_id ~= '' then redis.call('SET', ARGV[10] .. 'gett:' .. lost.gett_id, ARGV[3]) end
end

if ARGV[2] == 'placed' then
  if state == 'placed' then
    if r[3] == ARGV[6] then return 'same' end
    incident('duplicate ticket', state, r[3] or '')
    return 'duplicate'
  end
  if state == 'refused' and not mine then
    incident('placed after a refusal', state, '')
    return 'duplicate'
  end
  if not state then restore() end
  redis.call('HSET', KEYS[1], 'state', 'placed', 'doubt', '0', 'partner_id', ARGV[6], 'status', ARGV[4],
             'answer', ARGV[5], 'updated', now)
  keep(ARGV[9])
  redis.call('SET', ARGV[10] .. 'pos:' .. ARGV[13] .. ':' .. ARGV[6], ARGV[3], 'EX', ARGV[9])
  if ARGV[7] ~= '' then
    append(ARGV[10], 'order:' .. ARGV[3], {kind = 'order', store = ARGV[13],
           gett_id = redis.call('HGET', KEYS[1], 'gett_id') or '', rank = 1, class = 1, body = cjson.decode(ARGV[7]),
           text = ARGV[7], force = false, merging = true, ttl = ARGV[9]})
    wake(4, 14)
  else
    redis.call('ZADD', ARGV[10] .. 'unconfirmed', now, ARGV[3])
  end
  return 'ok'
end
if ARGV[2] == 'in_doubt' and not state then
  restore()
  mine = true
end
if not mine then return 'stale' end
if ARGV[2] == 'in_doubt' then
  redis.call('HSET', KEYS[1], 'state', 'in_doubt', 'doubt', '1', 'updated', now)
  persist(KEYS[1], ARGV[10])
  redis.call('ZADD', KEYS[2], now, ARGV[3])
  return 'ok'
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'doubt', '0', 'status', ARGV[4], 'answer', ARGV[5], 'updated', now)
keep(ARGV[2] == 'refused' and ARGV[9] or ARGV[8])
return 'ok'
"""
)
"""Records an outcome by compare-and-set; a placement also appends its confirmation and wakes a worker, all in one."""

LINK = (
    LIBRARY
    + LINK_LANE
    + """
-- KEYS: record, pointer of the Gett id, flag, job, queue of RQ, set of queues.
-- ARGV: Gett id, orderRef, TTL of orders, prefix of all keys, job id, fields.
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown' end
local known = redis.call('HGET', KEYS[1], 'gett_id') or ''
if known ~= '' and known ~= ARGV[1] then return 'it is linked to ' .. known end
local other = redis.call('GET', KEYS[2])
if other and other ~= ARGV[2] then return ARGV[1] .. ' belongs to order ' .. other end
redis.call('HSET', KEYS[1], 'gett_id', ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
if link(ARGV[4], 'order:' .. ARGV[2], ARGV[1]) then wake(3, 5) end
return 'ok'
"""
)
"""Ties an order to its Gett id; what waited for it goes on its way."""
