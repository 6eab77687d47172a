-- Settles a sign-in, and decides which sessions have to be deleted for it: those that signed in earliest.
-- ARGV[1]: its id. ARGV[2]: how many sessions there may be. ARGV[3]: 1 if the entries were compared with what is stored.
-- Returns how many sessions have to be deleted, those of earlier decisions included. Returns -1, and does nothing, if the
-- entries have to be compared first.
local id, max = ARGV[1], tonumber(ARGV[2])

local others = {}
-- A sign-in that is not settled decides for itself when it is.
for _, other in ipairs(redis.call('ZRANGE', sign_ins, 0, -1)) do
  if other ~= id and not redis.call('ZSCORE', new, other) then
    table.insert(others, other)
  end
end
local surplus = #others + 1 - max
if surplus > 0 and ARGV[3] == '0' then
  return -1
end
-- If the session itself has to be deleted, another one has its place.
if redis.call('ZSCORE', sign_ins, id) then
  for place = 1, surplus do
    redis.call('ZREM', sign_ins, others[place])
  end
end
redis.call('ZREM', new, id)
return redis.call('ZCARD', sessions) - redis.call('ZCARD', sign_ins)
