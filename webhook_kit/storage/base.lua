-- Prepended to every script by webhook_kit/storage/scripts.py, after `args` and `keys`.

-- Return Redis TIME in milliseconds.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

-- Return milliseconds as text; Lua's own text of a number has 14 digits, too few for a moment with its fraction.
local function format_ms(number) return string.format('%.3f', number) end
