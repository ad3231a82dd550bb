-- Forget a reservation that came to nothing, if it is still ours.
--
-- KEYS[1] the token's hash   ARGV 1 message tag, 2 content, 3 owner   Returns 1 if it was forgotten.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= 'R' .. ARGV[2] .. ARGV[3] then
    return 0
end
redis.call('HDEL', KEYS[1], ARGV[1], 'c' .. ARGV[2])
return 1
