-- Take a place in the quota's window for a call outside the lanes.
-- KEYS: the sending state, sends. args: quota.
-- Return {ms to wait, ''}, or {'0', the entry in sends}.
--- @include "webhook_kit.outbox/sending"
local now = now_ms()
local wait = math.max(0, tonumber(redis.call('HGET', keys.sending, 'blocked_until') or '0') - now)
if args.quota.limit == 0 then return {format_ms(wait), ''} end
local window = sliding_window(now, args.quota)
wait = math.max(wait, window_wait(window, false))
if wait > 0 then return {format_ms(wait), ''} end
return {'0', take_place(window)}
