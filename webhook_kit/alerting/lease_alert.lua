-- Lease the next alert that a channel has to hear of, and decide what it is told.
-- KEYS: the queue of the channel (alerts_due).
-- args: channel, now (ms), lease (ms), day, cap (alerts per day).
-- Return id, event, number of the event, attempts; or nil.
--
-- alert-deliveries:<id> holds, by channel, JSON: number (the last event that the channel need not hear of any more), told (open,
-- acknowledged, resolved, or none), at (ms), attempts and since (ms; of the event that is being sent), error, given_up, counted
-- (number of the event that counts towards the cap), over (what is sent instead, because that event is beyond a cap: capped, code_capped, drop).

local channel, queue = args.channel, KEYS[1]

local function save(id, state, known)
  redis.call('HSET', keys.alert_deliveries .. id, channel, cjson.encode(known))
  if state ~= 'open' then redis.call('EXPIRE', keys.alert_deliveries .. id, 172800) end
end

-- Return until when nothing is sent about an alert: its store is quiet, or a person has paused it.
local function quiet_until(about, store)
  if store == '' then return 0 end
  local quiet = tonumber(redis.call('ZSCORE', keys.alerts_quiet, store) or 0)
  if quiet > args.now then return quiet end
  if about == 'store' and redis.call('GET', keys.pause_owner .. store) == 'person' then return args.now + 60000 end
  return 0
end

-- Return the event that the channel is told, or nil for none.
local function event_for(event, known)
  local told = known.told == 'open' or known.told == 'acknowledged'
  if event == 'opened' or event == 'repeated' then return told and event or 'opened' end
  return told and event or nil
end

local sent_today = keys.alerts_sent .. channel .. ':' .. args.day

-- Count a message. Return nothing if it is within a cap, else notice for the first one beyond it, and drop.
local function beyond(key, most)
  local sent = redis.call('INCR', key)
  redis.call('EXPIRE', key, 172800)
  return sent > most and (sent == most + 1 and 'notice' or 'drop') or nil
end

-- Count a message towards the caps of the day, once. Half of the cap is for each code, so that many alerts of one cause leave
-- room for another one. Return what is sent instead of the message: nil, capped, code_capped or drop.
local function instead(number, code, known)
  if known.counted ~= number then
    known.counted = number
    local of_code = beyond(sent_today .. ':' .. code, math.ceil(args.cap / 2))
    local of_all = not of_code and beyond(sent_today, args.cap)
    local said = tonumber(redis.call('GET', sent_today) or 0) > args.cap
    if of_code == 'notice' and not said then
      known.over = 'code_capped'
    elseif of_all == 'notice' then
      known.over = 'capped'
    else
      known.over = (of_code or of_all) and 'drop' or nil
    end
  end
  return known.over
end

redis.call('EXPIRE', queue, 172800)
for _ = 1, 50 do
  local id = redis.call('ZRANGEBYSCORE', queue, '-inf', args.now, 'LIMIT', 0, 1)[1]
  if not id then return nil end
  local r = redis.call('HMGET', keys.alert .. id, 'event', 'number', 'state', 'about', 'store', 'code')
  local number = tonumber(r[2] or 0)
  local known = cjson.decode(redis.call('HGET', keys.alert_deliveries .. id, channel) or '{}')
  local event = r[1] and known.number ~= number and event_for(r[1], known)
  local counts, quiet = event == 'opened' or event == 'repeated', 0
  if counts then quiet = quiet_until(r[4], r[5]) end
  if quiet > 0 then
    redis.call('ZADD', queue, math.min(quiet, args.now + 60000), id)
  elseif not event or (counts and instead(number, r[6], known) == 'drop') then
    if r[1] then
      known.number = number
      save(id, r[3], known)
    end
    redis.call('ZREM', queue, id)
  else
    if counts and known.over then event = known.over end
    known.attempts, known.since = (known.attempts or 0) + 1, known.since or args.now
    save(id, r[3], known)
    redis.call('ZADD', queue, args.now + args.lease, id)
    return {id, event, number, known.attempts, string.format('%.0f', known.since)}
  end
end
return nil
