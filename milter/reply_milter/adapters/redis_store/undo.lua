-- Take a revocation back, unless another one was made meanwhile.
--
-- KEYS[1]  a user's or token's hash, or a text   ARGV 1 the field of the hash, "" for a text
--          2 what is in force   3 what stays in force instead, "" for nothing   Returns 1 if it was taken back, else 0.
-- When the key ends stays as it was.
local key, field = KEYS[1], ARGV[1]
local known
if field == '' then
    known = redis.call('GET', key)
else
    known = redis.call('HGET', key, field)
end
if known ~= ARGV[2] then
    return 0
end
if field == '' then
    if ARGV[3] == '' then
        redis.call('EXPIRE', key, 0)
    else
        redis.call('SET', key, ARGV[3], 'KEEPTTL')
    end
elseif ARGV[3] == '' then
    redis.call('HDEL', key, field)
else
    redis.call('HSET', key, field, ARGV[3])
end
return 1
