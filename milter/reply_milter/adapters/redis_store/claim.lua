-- Take one message for one token, atomically: the whole decision about replay, limits, and authors that were tried.
--
-- KEYS[1]  the token's hash. Field MESSAGE TAG -> STATE .. CONTENT .. OWNER, with STATE "R" (reserved) or "C" (committed);
--          field "c" .. CONTENT -> "" so that the same content under another tag is found; "s" -> the digests of its
--          authors, one after the other, kept only where they are limited; "w" -> those of wrong authors; "x" -> revoked.
-- ARGV     1 message tag   2 content   3 owner   4 seconds for which the hash is kept
--          and unless it is from an exact address on file   5 after so many wrong authors it has leaked, 0 for never
--          6 MODE .. this wrong author's digest, or nothing for a right one, with MODE "r": nothing new is taken once it
--          has leaked; "t": that is only told; "n": nothing is taken at all, only counted and told
--          and with limits   7 most replies, 0 for any   8 "1": no more are taken   9, 10 the same of authors
--          11 this author's digest
-- Returns  "first", "retry", "duplicate", "replayed", or "" for a new message that is not taken; 1 if there are more
--          replies than the limit; 1 if there are more authors; 1 if it had leaked before this message; 1 for a wrong
--          author who was not known, 2 for the last one that may be; 1 if it is revoked. Only "first" and a new wrong author write.
local found = redis.call('HMGET', KEYS[1], ARGV[1], 's', 'w', 'x')
local kept, authors, wrong, revoked = found[1], found[2], found[3], found[4] and 1 or 0

local most_wrong, mode, guessed, tried = tonumber(ARGV[5]) or 0, '', 0, 0
if most_wrong > 0 then
    local digest = ARGV[6]:sub(2)
    mode = ARGV[6]:sub(1, 1)
    if wrong and #wrong >= most_wrong * 3 then
        guessed = 1
    elseif digest ~= '' then
        local list, known = wrong or '', false
        for start = 1, #list, 3 do
            known = known or list:sub(start, start + 2) == digest
        end
        if not known then
            wrong = list .. digest
            redis.call('HSET', KEYS[1], 'w', wrong)
            redis.call('EXPIRE', KEYS[1], ARGV[4])
            tried = (#wrong >= most_wrong * 3) and 2 or 1
        end
    end
end
if mode == 'n' then
    return {'', 0, 0, guessed, tried, revoked}
end

if kept then
    local content_end = 1 + #ARGV[2]
    if kept:sub(2, content_end) ~= ARGV[2] then
        return {'replayed', 0, 0, guessed, tried, revoked}
    end
    -- Its author is the one whose message was taken: what comes after that is no guess.
    if kept:sub(1, 1) == 'C' then
        return {'duplicate', 0, 0, 0, tried, revoked}
    end
    if kept:sub(content_end + 1) == ARGV[3] then
        return {'first', 0, 0, 0, tried, revoked}
    end
    return {'retry', 0, 0, 0, tried, revoked}
end
if guessed == 1 and mode == 'r' then
    return {'', 0, 0, 1, tried, revoked}
end

local most_replies, most_authors = tonumber(ARGV[7]) or 0, tonumber(ARGV[9]) or 0
local spent, leaked = 0, 0
if most_replies > 0 then
    -- Two fields a message, and "s", "w" and "x" beside them.
    local others = (authors and 1 or 0) + (wrong and 1 or 0) + revoked
    if (redis.call('HLEN', KEYS[1]) - others) / 2 >= most_replies then
        spent = 1
    end
end
if most_authors > 0 then
    authors = authors or ''
    local size, known = #ARGV[11], false
    for start = 1, #authors, size do
        known = known or authors:sub(start, start + size - 1) == ARGV[11]
    end
    if known then
        authors = nil
    elseif #authors / size >= most_authors then
        leaked, authors = 1, nil
    end
else
    authors = nil
end

if redis.call('HEXISTS', KEYS[1], 'c' .. ARGV[2]) == 1 then
    return {'replayed', spent, leaked, guessed, tried, revoked}
end
if (spent == 1 and ARGV[8] == '1') or (leaked == 1 and ARGV[10] == '1') then
    return {'', spent, leaked, guessed, tried, revoked}
end
redis.call('HSET', KEYS[1], ARGV[1], 'R' .. ARGV[2] .. ARGV[3], 'c' .. ARGV[2], '')
if authors then
    redis.call('HSET', KEYS[1], 's', authors .. ARGV[11])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {'first', spent, leaked, guessed, tried, revoked}
