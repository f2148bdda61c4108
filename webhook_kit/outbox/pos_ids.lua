-- Library of the POS's order ids. pos:<store>:<POS id> is the orderRef of the newest order that has the id.
-- KEYS: those of the script that includes it.

local function created(ref)
  local moment = redis.call('HGET', keys.order .. ref, 'created')
                 or string.match(redis.call('GETRANGE', keys.archive .. ref, 0, 31), '^%d+ (%d+) ')
  return tonumber(moment or '0')
end

-- Let a POS's order id lead to an order, unless it leads to a newer one, or this one has ended.
-- Return the orderRef of another order that has the id, or nil.
local function point_pos_id(pointer, ref, ttl, ended)
  local other = redis.call('GET', pointer)
  if other == ref then other = nil end
  if not other or not (ended or created(other) > created(ref)) then
    redis.call('SET', pointer, ref, 'EX', ttl)
  end
  return other or nil
end
