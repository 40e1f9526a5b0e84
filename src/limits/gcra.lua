-- One request more at this rate, if there may be one: the generic cell rate algorithm. One round trip, by Redis' own
-- clock, so that processes need not agree on the time.
--
-- KEYS[1]: when a tenant's next request would be due if all came evenly, in microseconds.
-- ARGV[1]: microseconds from one request to the next; ARGV[2]: how many microseconds early one may be.
-- Answers with the microseconds to wait; 0 if the request may go on.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local early = due - now - ARGV[2]
if early > 0 then
    return math.ceil(early)
end
due = due + ARGV[1]
redis.call('SET', KEYS[1], string.format('%.2f', due), 'PX', math.ceil((due - now) / 1000) + 1)
return 0
