-- Leave a mark, so that a store which has lost data is known by it.
--
-- KEYS[1]  a hash. "id" -> chosen at random when there was none; HOST -> how often that host has left its mark.
-- ARGV     1 an id for a store that has none   2 the host   Returns the id, and the host's count.
local id = redis.call('HGET', KEYS[1], 'id')
if not id then
    id = ARGV[1]
    redis.call('HSET', KEYS[1], 'id', id)
end
local count = (tonumber(redis.call('HGET', KEYS[1], ARGV[2])) or 0) + 1
redis.call('HSET', KEYS[1], ARGV[2], count)
return {id, count}
