-- Take one message for one token, atomically: the whole decision about replay and limits.
--
-- KEYS[1]  the token's hash. Field MESSAGE TAG -> STATE .. CONTENT .. OWNER, with STATE "R" (reserved) or "C" (committed);
--          field "c" .. CONTENT -> "" so that the same content under another tag is found; "s" -> the digests of its
--          authors, one after the other, kept only where they are limited; "x" -> revoked.
-- ARGV     1 message tag   2 content   3 owner   4 seconds for which the hash is kept; and with limits
--          5 most replies, 0 for any   6 "1": no more are taken   7, 8 the same of authors   9 this author's digest
-- Returns  "first", "retry", "duplicate", "replayed", or "" for a new message that a limit refuses; 1 if there are more
--          replies than the limit; 1 if there are more authors. Only "first" writes.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept then
    local content_end = 1 + #ARGV[2]
    if kept:sub(2, content_end) ~= ARGV[2] then
        return {'replayed', 0, 0}
    end
    if kept:sub(1, 1) == 'C' then
        return {'duplicate', 0, 0}
    end
    if kept:sub(content_end + 1) == ARGV[3] then
        return {'first', 0, 0}
    end
    return {'retry', 0, 0}
end

local most_replies, most_authors = tonumber(ARGV[5]) or 0, tonumber(ARGV[7]) or 0
local spent, leaked, authors = 0, 0, nil
if most_replies > 0 then
    -- Two fields a message, and "s" and "x" beside them.
    local others = redis.call('HEXISTS', KEYS[1], 's') + redis.call('HEXISTS', KEYS[1], 'x')
    if (redis.call('HLEN', KEYS[1]) - others) / 2 >= most_replies then
        spent = 1
    end
end
if most_authors > 0 then
    authors = redis.call('HGET', KEYS[1], 's') or ''
    local size, known = #ARGV[9], false
    for start = 1, #authors, size do
        known = known or authors:sub(start, start + size - 1) == ARGV[9]
    end
    if known then
        authors = nil
    elseif #authors / size >= most_authors then
        leaked, authors = 1, nil
    end
end

if redis.call('HEXISTS', KEYS[1], 'c' .. ARGV[2]) == 1 then
    return {'replayed', spent, leaked}
end
if (spent == 1 and ARGV[6] == '1') or (leaked == 1 and ARGV[8] == '1') then
    return {'', spent, leaked}
end
redis.call('HSET', KEYS[1], ARGV[1], 'R' .. ARGV[2] .. ARGV[3], 'c' .. ARGV[2], '')
if authors then
    redis.call('HSET', KEYS[1], 's', authors .. ARGV[9])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {'first', spent, leaked}
