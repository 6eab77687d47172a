-- Keeps a record under a key that nothing is under.
-- KEYS[1]: where. ARGV[1]: the version of the value. ARGV[2]: the value. ARGV[3]: its time to live
-- in milliseconds.
if redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[3]) then
  return 'stored'
end
-- This very call, made before over a connection that was cut before the answer came.
if redis.call('GETRANGE', KEYS[1], 0, 15) == ARGV[1] then
  return 'stored'
end
return 'taken'
