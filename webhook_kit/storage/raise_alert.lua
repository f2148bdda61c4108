-- Raise an alert, unless it was raised for this subject.
-- KEYS: the mark of alert and subject, counts, incidents.
-- args: kind, request (a caller that asks again, because the reply was lost, gets the same answer), ttl (s) of the mark,
-- incident (JSON, or nil for none), id and alert (code, subject, about, store, why) of the open alert, or nil for none.
-- Return 1 if it was raised now.
--- @include "webhook_kit.storage/alert_state"
if not redis.call('SET', KEYS[1], args.request, 'NX', 'EX', args.ttl) then
  return redis.call('GET', KEYS[1]) == args.request and 1 or 0
end
if args.incident then
  redis.call('LPUSH', KEYS[3], args.incident)
  redis.call('LTRIM', KEYS[3], 0, 999)
end
args.now = math.floor(now_ms())
-- An alert that a rule has opened before is counted already.
if args.id and open_alert(args.id, args.alert) ~= 0 then redis.call('HINCRBY', KEYS[2], args.kind, 1) end
return 1
