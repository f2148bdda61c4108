-- The notification of a push worker; webhook_kit/storage/queues.py supplies its keys and arguments.

-- Queue a job that drains the outbox, unless one is queued that has not begun.
-- The last four of KEYS: flag, job, queue of RQ, set of queues. args.notification: id of the job, and its fields as MessagePack.
local function notify_worker()
  local last, job = #KEYS, args.notification
  if redis.call('SET', KEYS[last - 3], job.id, 'NX', 'EX', 15) then
    redis.call('HSET', KEYS[last - 2], unpack(cmsgpack.unpack(job.fields)))
    redis.call('SADD', KEYS[last], KEYS[last - 1])
    redis.call('RPUSH', KEYS[last - 1], job.id)
  end
end
