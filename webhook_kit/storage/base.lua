-- Prepended to every script by webhook_kit/storage/scripts.py, after `args` and `keys`.

-- Return Redis TIME in milliseconds.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

-- Return true if a record has a later form than the one that this version writes. A record without a mark has the first form.
local function is_newer(format) return format and (tonumber(format) or 1e9) > FORMAT end

-- Stop if a record has a later form. A script calls it before it changes anything.
local function require_known(format)
  if is_newer(format) then error('NEWER_FORMAT ' .. format) end
end

-- Return milliseconds as text; Lua's own text of a number has 14 digits, too few for a moment with its fraction.
local function format_ms(number) return string.format('%.3f', number) end
