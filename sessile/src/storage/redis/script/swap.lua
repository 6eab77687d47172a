-- Replaces a record that the key still opens and that still has the version it was loaded with.
-- KEYS[1]: where it is. ARGV[1]: the version it must have. ARGV[2]: the digest of the key's secret.
-- ARGV[3]: the version of the new value. ARGV[4]: the new value. ARGV[5]: its time to live in
-- milliseconds; 0 has passed already.
local head = redis.call('GETRANGE', KEYS[1], 0, 58)
if head == '' then
  return 'gone'
end
local version, digest = string.sub(head, 1, 16), string.sub(head, 17, 59)
-- This very call, made before over a connection that was cut before the answer came.
if version == ARGV[3] then
  return 'stored'
end
-- A value that actix-session left has the version of its content, and its key no secret: this is the
-- SHA-256 of nothing.
if string.sub(head, 1, 1) == '{' then
  version = string.sub(redis.sha1hex(redis.call('GET', KEYS[1])), 1, 16)
  digest = '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'
end
if digest ~= ARGV[2] then
  return 'gone'
end
if version ~= ARGV[1] then
  return 'conflict'
end
if ARGV[5] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
end
return 'stored'
