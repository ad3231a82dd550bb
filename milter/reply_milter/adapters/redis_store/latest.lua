-- Put a time on record, unless a later one is there. May run twice.
--
-- KEYS[1] a text: Unix seconds   ARGV 1 Unix seconds, 2 Unix time until which it is kept   Returns the time in force.
local known = redis.call('GET', KEYS[1])
if known and (tonumber(known) or 0) >= tonumber(ARGV[1]) then
    return known
end
redis.call('SET', KEYS[1], ARGV[1], 'EXAT', ARGV[2])
return ARGV[1]
