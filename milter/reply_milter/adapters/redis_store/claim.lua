-- Take one message for one token, atomically: the whole decision about replay.
--
-- KEYS[1]  the token's hash. Field MESSAGE TAG -> STATE .. CONTENT .. OWNER, with STATE "R" (reserved) or "C" (committed);
--          field "c" .. CONTENT -> "" so that the same content under another tag is found; "x" -> revoked.
-- ARGV     1 message tag   2 content   3 owner   4 Unix time until which the hash is kept
-- Returns  "first", "retry", "duplicate" or "replayed". Only "first" writes.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept then
    local content_end = 1 + #ARGV[2]
    if kept:sub(2, content_end) ~= ARGV[2] then
        return 'replayed'
    elseif kept:sub(1, 1) == 'C' then
        return 'duplicate'
    elseif kept:sub(content_end + 1) == ARGV[3] then
        return 'first'
    end
    return 'retry'
end
if redis.call('HEXISTS', KEYS[1], 'c' .. ARGV[2]) == 1 then
    return 'replayed'
end
redis.call('HSET', KEYS[1], ARGV[1], 'R' .. ARGV[2] .. ARGV[3], 'c' .. ARGV[2], '')
redis.call('EXPIREAT', KEYS[1], ARGV[4])
return 'first'
