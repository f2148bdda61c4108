-- Library of the open alerts. Moments are ms; args.now is the caller's.
--
-- alert:<id> is a hash:
--
-- code subject about store   what it is about; store may be empty
-- why              the reason, as the part that raised it says it
-- state            open, resolved
-- event number     the last event (opened, repeated, acknowledged, resolved), and the number of events so far
-- opened changed   moments of the opening and of the last event
-- repeats          number of repetitions since the opening
-- acked_by acked_at   who has acknowledged it, and when
-- flaps            number of times that it was opened again within a day after it was resolved
--
-- alerts-open, -changed, -repeat and -absent are sorted sets of ids.

local KEEP = 172800 -- seconds for which a resolved alert is kept
local MOST_OPEN = 5000

local function announce(id, event)
  redis.call('HINCRBY', keys.alert .. id, 'number', 1)
  redis.call('HSET', keys.alert .. id, 'event', event, 'changed', args.now)
  redis.call('ZADD', keys.alerts_changed, args.now, id)
end

-- Open an alert. Return 1 if it was opened now, 0 if it is open, -1 if too many are open.
local function open_alert(id, alert)
  local key = keys.alert .. id
  local state, resolved, flaps = unpack(redis.call('HMGET', key, 'state', 'changed', 'flaps'))
  if state == 'open' then
    redis.call('HSET', key, 'why', alert.why)
    redis.call('ZREM', keys.alerts_absent, id)
    return 0
  end
  if redis.call('ZCARD', keys.alerts_open) >= MOST_OPEN then return -1 end
  local store = alert.store
  if store == '' and alert.about == 'order' then store = redis.call('HGET', keys.order .. alert.subject, 'store') or '' end
  local again = state and args.now - tonumber(resolved) < 86400000
  redis.call('HSET', key, 'code', alert.code, 'subject', alert.subject, 'about', alert.about, 'store', store,
             'why', alert.why, 'state', 'open', 'opened', args.now, 'repeats', 0, 'flaps', again and (flaps or 0) + 1 or 0)
  redis.call('HDEL', key, 'acked_by', 'acked_at')
  redis.call('PERSIST', key)
  redis.call('PERSIST', keys.alert_deliveries .. id)
  redis.call('ZADD', keys.alerts_open, args.now, id)
  announce(id, 'opened')
  return 1
end

-- Resolve an alert. Return 1 if it was open.
local function resolve_alert(id)
  if redis.call('HGET', keys.alert .. id, 'state') ~= 'open' then return 0 end
  redis.call('HSET', keys.alert .. id, 'state', 'resolved')
  redis.call('ZREM', keys.alerts_open, id)
  redis.call('ZREM', keys.alerts_repeat, id)
  redis.call('ZREM', keys.alerts_absent, id)
  announce(id, 'resolved')
  redis.call('EXPIRE', keys.alert .. id, KEEP)
  redis.call('EXPIRE', keys.alert_deliveries .. id, KEEP)
  return 1
end

-- Acknowledge an alert: it is not repeated any more. Return 1 if it is open.
local function acknowledge_alert(id, who)
  local state, by = unpack(redis.call('HMGET', keys.alert .. id, 'state', 'acked_by'))
  if state ~= 'open' then return 0 end
  if by == who then return 1 end
  redis.call('HSET', keys.alert .. id, 'acked_by', who, 'acked_at', args.now)
  redis.call('ZREM', keys.alerts_repeat, id)
  announce(id, 'acknowledged')
  return 1
end

-- Repeat an alert that is open and that nobody has acknowledged.
local function repeat_alert(id)
  redis.call('ZREM', keys.alerts_repeat, id)
  local state, by = unpack(redis.call('HMGET', keys.alert .. id, 'state', 'acked_by'))
  if state ~= 'open' or by then return 0 end
  redis.call('HINCRBY', keys.alert .. id, 'repeats', 1)
  announce(id, 'repeated')
  return 1
end
