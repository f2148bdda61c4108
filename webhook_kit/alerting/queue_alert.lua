-- Put the last event of an alert into the queues of channels, and set the moment at which the alert is repeated.
-- KEYS: alerts_changed.
-- args: id, number (of the event that was read), now (ms), channels (their names), repeat_at (ms, or nil for never).
-- Return 1, or 0 if there is a newer event, which stays in alerts_changed.
local number, state, by = unpack(redis.call('HMGET', keys.alert .. args.id, 'number', 'state', 'acked_by'))
if number and tonumber(number) ~= args.number then return 0 end
redis.call('ZREM', KEYS[1], args.id)
-- One that waits already is sent in its turn, with the event that is the last one then: never two at a time.
for _, channel in ipairs(args.channels) do
  redis.call('ZADD', keys.alerts_due .. channel, 'NX', args.now, args.id)
  redis.call('EXPIRE', keys.alerts_due .. channel, 172800)  -- a channel that is configured no more has no owner
end
if args.repeat_at and state == 'open' and not by then redis.call('ZADD', keys.alerts_repeat, args.repeat_at, args.id) end
return 1
