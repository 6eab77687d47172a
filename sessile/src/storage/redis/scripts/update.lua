-- Replaces a record that still has the version that the caller expects.
-- KEYS[1]: its Redis key. ARGV[1]: the expected version. ARGV[2]: the new version. ARGV[3]: the new value.
-- ARGV[4]: its time to live in milliseconds; with 0 the record ends.
local version = redis.call('GETRANGE', KEYS[1], 0, 15)
-- An empty value is not a missing one.
if version == '' and not redis.call('GET', KEYS[1]) then
  return 'missing'
end
-- An earlier attempt of the same update stored it, and its reply was lost.
if version == ARGV[2] then
  return 'updated'
end
-- A value that actix-session left has the version of its content.
if string.sub(version, 1, 1) == '{' then
  version = string.sub(redis.sha1hex(redis.call('GET', KEYS[1])), 1, 16)
end
if version ~= ARGV[1] then
  return 'conflict'
end
if ARGV[4] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
return 'updated'
