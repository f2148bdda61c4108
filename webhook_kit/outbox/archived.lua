-- Library of archived orders: of an order at rest, one compressed value holds what its record, its lane and the lane's history held
-- (webhook_kit/outbox/archive.py). A script that needs an order which is archived returns {'archived', orderRef}; the caller restores
-- the order and calls the script again.
--
-- archive:<orderRef> is the version of the format, the moment of the order's first claim and the compressed document, separated by
-- spaces. The document is JSON: fields and values of the record, fields and values of the lane, entries of the history.
--- @include "webhook_kit.outbox/lanes"

-- Return true if an order is archived.
local function archived(ref) return redis.call('EXISTS', keys.archive .. ref) == 1 end

-- Return the fields and values of a hash by the names of the fields, so that similar hashes become similar lists.
local function sorted_fields(key)
  local names, values, sorted = {}, {}, {}
  for position, item in ipairs(redis.call('HGETALL', key)) do
    if position % 2 == 1 then names[#names + 1] = item else values[names[#names]] = item end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    sorted[#sorted + 1], sorted[#sorted + 2] = name, values[name]
  end
  return sorted
end

-- Return the document of the order of a lane; nil unless its placement is final and nothing of it waits to be sent or confirmed.
local function document(lane)
  local ref = order_of(lane)
  local state = redis.call('HGET', keys.order .. ref, 'state')
  if state ~= 'placed' and state ~= 'refused' then return nil end
  if redis.call('EXISTS', keys.queue .. lane) == 1 or redis.call('ZSCORE', keys.unconfirmed, ref) then return nil end
  return cjson.encode({sorted_fields(keys.order .. ref), sorted_fields(keys.lane .. lane),
                       redis.call('LRANGE', keys.history .. lane, 0, -1)})
end
