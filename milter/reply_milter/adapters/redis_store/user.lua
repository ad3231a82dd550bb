-- Change what is on file about one user, atomically. May run twice.
--
-- KEYS[1]  the user's hash. "disabled" -> "1"; "addresses" -> JSON; "before" -> Unix seconds, which is never lowered.
-- ARGV     1 disabled: "1", "0", or "" to leave it   2 addresses: JSON, "[]" for none, or "" to leave them
--          3 before, or "" to leave it   4 Unix time until which a revocation alone is kept
-- Returns  the revocation that is in force, "" for none; 1 if addresses or disabling were on file, else 0.
local function lasts()
    return redis.call('HEXISTS', KEYS[1], 'disabled') + redis.call('HEXISTS', KEYS[1], 'addresses') > 0
end

local lasted = lasts() and 1 or 0
local before = redis.call('HGET', KEYS[1], 'before')
-- What needs memory comes first: a full store then refuses all of it, and not a part.
if ARGV[3] ~= '' and (tonumber(before) or 0) < tonumber(ARGV[3]) then
    before = ARGV[3]
    redis.call('HSET', KEYS[1], 'before', before)
end
if ARGV[1] == '1' then
    redis.call('HSET', KEYS[1], 'disabled', '1')
end
if ARGV[2] ~= '' and ARGV[2] ~= '[]' then
    redis.call('HSET', KEYS[1], 'addresses', ARGV[2])
end
if ARGV[1] == '0' then
    redis.call('HDEL', KEYS[1], 'disabled')
end
if ARGV[2] == '[]' then
    redis.call('HDEL', KEYS[1], 'addresses')
end
-- A record has no end; a revocation alone is forgotten when no address is left that it could matter to.
if lasts() then
    redis.call('PERSIST', KEYS[1])
else
    redis.call('EXPIREAT', KEYS[1], ARGV[4])
end
return {before or '', lasted}
