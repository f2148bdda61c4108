-- Send the last pause of a store once more, unless that was done already or another update was appended meanwhile.
-- KEYS: facts of the store's health checks, lane's state, its queue, the four of a notification.
-- args: request (a caller that asks again, because the reply was lost, gets the same answer), last (body of the pause as it was
-- read), and the fields of an update.
-- Return the result of the append, 'resent_before' or 'changed'.
--- @include "webhook_kit.outbox/lanes"
--- @include "webhook_kit.storage/notify"
local resent = redis.call('HGET', KEYS[1], 'pause_resent')
if resent == args.request then return 'ok' end
if resent then return 'resent_before' end
if redis.call('HGET', KEYS[2], 'last') ~= args.last then return 'changed' end
redis.call('HSET', KEYS[1], 'pause_resent', args.request)
local result = append(args.lane, args)
if result == 'ok' then notify_worker() end
return result
