-- Write as the other scripts do: to several keys, one of which the call does not declare.
-- KEYS: two keys of the trial.
-- Return Redis TIME in ms.
local now = format_ms(now_ms())
redis.call('SET', KEYS[1], cjson.encode({at = now}), 'EX', 60)
redis.call('SET', KEYS[2], now, 'EX', 60)
redis.call('SET', keys.trial .. 'undeclared', now, 'EX', 60)
return now
