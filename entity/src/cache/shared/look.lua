-- The stamp of an area, and the answer to a question if it is kept under it. Nothing while the area is being written.
-- KEYS: epoch, stamp, writers. ARGV: a new token, how long stamps last, and what stands before and after the stamp in an answer's key.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZCOUNT', KEYS[3], now, '+inf') > 0 then return {} end
local stamp = ''
for at = 1, 2 do
  local token = redis.call('GET', KEYS[at])
  if not token then
    -- It was never there, or was forgotten: whatever was kept under it is not found again.
    token = ARGV[1]
    redis.call('SET', KEYS[at], token, 'PX', ARGV[2])
  end
  stamp = stamp .. token .. ':'
end
return {stamp, redis.call('GET', ARGV[3] .. stamp .. ARGV[4])}
