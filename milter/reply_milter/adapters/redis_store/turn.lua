-- Let one host at a time work on a mailbox, and tell it what became of replies there.
--
-- KEYS[1]  the mailbox's hash. Field "o": the host whose turn it is; "u": until when, in milliseconds; id of a reply ->
--          what became of it, noted by the host that handed it over.
-- ARGV     1 host   2 milliseconds that its turn lasts from now on, 0 to end it   3 seconds for which the hash is kept
--          and then ids of replies
-- Returns  0 if it is another host's turn; else 1 and, for each id, what became of it, or false.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local turn = redis.call('HMGET', KEYS[1], 'o', 'u')
if turn[1] and turn[1] ~= ARGV[1] and tonumber(turn[2]) > now then
    return {0}
end
redis.call('HSET', KEYS[1], 'o', ARGV[1], 'u', now + tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[3])
local found = {1}
if #ARGV > 3 then
    for number, verdict in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, 4))) do
        found[number + 1] = verdict
    end
end
return found
