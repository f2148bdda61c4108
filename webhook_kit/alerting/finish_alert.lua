-- Record the outcome of telling a channel of an alert.
-- KEYS: the queue of the channel (alerts_due).
-- args: channel, id, event, number, now (ms), error (nil if it was taken), retry_at (ms; nil to give up).
-- The fields of a delivery are listed in lease_alert.lua. alert-channels holds JSON: failing_since, error, at, taken_at.
local field, key = args.channel, keys.alert_deliveries .. args.id
local known = cjson.decode(redis.call('HGET', key, field) or '{}')
local channel = cjson.decode(redis.call('HGET', keys.alert_channels, field) or '{}')
local told = {opened = 'open', repeated = 'open', acknowledged = 'acknowledged', resolved = 'resolved'}

if not args.error then
  known.told = told[args.event] or known.told
  known.at, known.error, known.given_up = args.now, nil, nil
  channel = {taken_at = args.now}
else
  known.error = args.error
  known.given_up = not args.retry_at or nil
  channel.failing_since = channel.failing_since or args.now
  channel.error, channel.at = args.error, args.now
end
if not args.error or not args.retry_at then
  known.number, known.attempts, known.since = args.number, nil, nil
end
local state, number = unpack(redis.call('HMGET', keys.alert .. args.id, 'state', 'number'))
redis.call('HSET', key, field, cjson.encode(known))
if state ~= 'open' then redis.call('EXPIRE', key, 172800) end
redis.call('HSET', keys.alert_channels, field, cjson.encode(channel))
if args.error and args.retry_at then
  redis.call('ZADD', KEYS[1], args.retry_at, args.id)
elseif number and tonumber(number) ~= args.number then
  redis.call('ZADD', KEYS[1], args.now, args.id)
else
  redis.call('ZREM', KEYS[1], args.id)
end
return 1
