-- Library of the placement records. Moments are Redis TIME in whole ms.
--
-- order:<orderRef> is a hash:
--
-- format           form of the record (webhook_kit/storage/formats.py); a later one is left alone
-- state            claimed, calling, placed, refused, in_doubt, released
-- owner            holder of the claim: only its holder settles it
-- attempt          number of claims so far
-- lease            end of the lease; a claim whose lease has lapsed can be taken over
-- doubt            "1" while an attempt may have reached the POS
-- fp               fingerprint of the order that was claimed
-- keys             Idempotency-Keys that lead to this record, one a line
-- ref gett_id store   orderRef, Gett's order id (may be empty), the partner's store id
-- order            the order as handed to the POS, without payment and token; until it is placed or refused
-- answer status    the final answer to Gett, and its HTTP status
-- accepted         total of the order as handed to the POS
-- partner_id       the POS's order id
-- created updated  moments
-- ms               duration of the POS call with the final outcome (ms); empty if there was none
-- refusal of <key> status and answer, separated by a space, of the refused attempt under an earlier Idempotency-Key
-- replays replayed number of times that the answer was given again, and the last moment
--
-- key:<Idempotency-Key> is the fingerprint of the order that came with the key, a space, and the orderRef.
-- gett:<Gett order id> is the orderRef.
-- order-list holds the orderRefs and stores by the moment of the first claim, for as long as a settled record is kept.
-- refusals holds the orderRefs, stores and codes of refused orders by the moment of the refusal, for as long.
-- unsettled holds the orderRefs of calls that are not settled, by the end of the lease.

--- @include "webhook_kit.outbox/lanes"

-- List a new record, and take those from the list whose records have expired. A record in doubt stays in unsettled.
local function list_order(ref, created)
  redis.call('XADD', keys.order_list, 'MINID', string.format('%.0f', created - args.order_ttl * 1000), '*', 'ref', ref,
             'store', args.store)
end

-- Return the field with the answer that an earlier Idempotency-Key got, when another key began a new attempt.
local function refusal_field(key) return 'refusal of ' .. key end

-- Return the names of the keys that lead to a record, by its fields keys and gett_id.
local function pointers(key_list, gett_id)
  local names = {}
  for key in string.gmatch(key_list or '', '[^\n]+') do names[#names + 1] = keys.by_key .. key end
  return names, gett_id and gett_id ~= '' and keys.by_gett_id .. gett_id
end

-- Return the key of the history of an order, which lives as long as its record.
local function history_of(placement) return keys.history .. order_lane(string.sub(placement, #keys.order + 1)) end

-- Keep a record and every name that leads to it: nothing about an order that the POS may have expires.
local function persist(placement, key_list, gett_id)
  local by_key, by_gett_id = pointers(key_list, gett_id)
  redis.call('PERSIST', placement)
  redis.call('PERSIST', history_of(placement))
  for _, name in ipairs(by_key) do redis.call('PERSIST', name) end
  if by_gett_id then redis.call('PERSIST', by_gett_id) end
end

-- Let a settled record and every name that leads to it expire.
local function expire(placement, key_list, gett_id, ttl, key_ttl)
  local by_key, by_gett_id = pointers(key_list, gett_id)
  redis.call('EXPIRE', placement, ttl)
  redis.call('EXPIRE', history_of(placement), ttl)
  for _, name in ipairs(by_key) do redis.call('EXPIRE', name, key_ttl) end
  if by_gett_id then redis.call('EXPIRE', by_gett_id, ttl) end
end
