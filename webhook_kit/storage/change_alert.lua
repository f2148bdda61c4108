-- Open, resolve, acknowledge or repeat an alert.
-- KEYS: the alert.
-- args: action (open, resolve, acknowledge, repeat), id, now (ms), alert (code, subject, about, store, why; to open it), who (to acknowledge it).
-- Return what the function of the library returns.
--- @include "webhook_kit.storage/alert_state"
if args.action == 'open' then
  local opened = open_alert(args.id, args.alert)
  if opened == 1 then redis.call('HINCRBY', keys.alert_counts, args.alert.code, 1) end
  return opened
end
if args.action == 'resolve' then return resolve_alert(args.id) end
if args.action == 'acknowledge' then return acknowledge_alert(args.id, args.who) end
return repeat_alert(args.id)
