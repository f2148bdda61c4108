-- Library for commands of a person: executed once, although the client sends them again after a lost reply.

-- Return the result of this command (args.command, an id): that of its first execution, if there was one.
local function once(execute)
  local key = keys.command .. args.command
  local result = redis.call('GET', key)
  if result then return result end
  result = execute()
  redis.call('SET', key, result, 'EX', 60)
  return result
end
