-- Mark a reserved message as delivered.
--
-- KEYS[1] the token's hash   ARGV[1] message tag   Returns 1, or 0 if nothing is reserved under that tag.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept then
    return 0
end
if kept:sub(1, 1) == 'R' then
    redis.call('HSET', KEYS[1], ARGV[1], 'C' .. kept:sub(2))
end
return 1
