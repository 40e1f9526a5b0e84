-- Says that somebody who was about to change areas has changed nothing: an area that still has the stamp it was given then gets the one
-- from before.
-- KEYS: stamp and writers of each area. ARGV: who, which is the stamp too; how long stamps last; for each area the stamp from before, or nothing.
for at = 1, #KEYS, 2 do
  redis.call('ZREM', KEYS[at + 1], ARGV[1])
  local before = ARGV[2 + (at + 1) / 2]
  if before ~= '' and redis.call('GET', KEYS[at]) == ARGV[1] then
    redis.call('SET', KEYS[at], before, 'PX', ARGV[2])
  end
end
return 1
