-- Gives areas a new stamp, and notes that somebody is about to change them (with a time) or has done so. Answers with the stamps from before.
-- KEYS: stamp and writers of each area. ARGV: who, a new token, how long stamps last, how long a commit may take or 0.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = {}
for at = 1, #KEYS, 2 do
  before[#before + 1] = redis.call('GET', KEYS[at])
  redis.call('SET', KEYS[at], ARGV[2], 'PX', ARGV[3])
  if ARGV[4] == '0' then
    redis.call('ZREM', KEYS[at + 1], ARGV[1])
  else
    redis.call('ZREMRANGEBYSCORE', KEYS[at + 1], '-inf', now)
    redis.call('ZADD', KEYS[at + 1], now + ARGV[4], ARGV[1])
    redis.call('PEXPIRE', KEYS[at + 1], math.max(ARGV[4], redis.call('PTTL', KEYS[at + 1])))
  end
end
return before
