-- Says that a process is there, and answers whether it may use the cache.
-- KEYS: members, seen, epoch, since when this run is the one that is used, which one is. ARGV: who, deadline, new epoch or '',
-- overdue, dead, warm, start of the server (times in ms), its run.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local overdue, dead, day = tonumber(ARGV[4]), tonumber(ARGV[5]), 86400000
-- Whoever sent this has given up waiting: it must not look present.
if now > tonumber(ARGV[2]) then return {-1, now} end
-- Nobody could be heard for a while: nobody is known to be gone.
if now - tonumber(redis.call('GET', KEYS[2]) or '0') > overdue then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZADD', KEYS[1], now - overdue - 1, member)
  end
end
redis.call('SET', KEYS[2], now, 'PX', day)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - dead)
-- A server that takes over from another one has what that one had, or nothing at all, however long ago it was started.
if redis.call('GET', KEYS[5]) ~= ARGV[8] then redis.call('SET', KEYS[4], now, 'PX', day) end
redis.call('SET', KEYS[5], ARGV[8], 'PX', day)
if ARGV[3] ~= '' then redis.call('SET', KEYS[3], ARGV[3], 'PX', day) end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], day)
-- One that is overdue may be writing without saying so. And when the server has just come to be used, not all may be back.
local since = math.max(ARGV[7], redis.call('GET', KEYS[4]) or '0')
local is_granted = redis.call('ZCOUNT', KEYS[1], '-inf', now - overdue) == 0 and now - since >= tonumber(ARGV[6])
return {is_granted and 1 or 0, now}
