-- The index of one group of sessions. Each script that works on it begins with this part.
-- KEYS[1]: when each session ends at the latest. KEYS[2]: when each signed in.
-- KEYS[3]: when the place of a session that may not be stored yet was reserved. KEYS[4]: the mark.
-- A session that has to be deleted for another one is in KEYS[1] and no longer in KEYS[2].
local sessions, sign_ins, new, mark = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function remove(id)
  redis.call('ZREM', sessions, id)
  redis.call('ZREM', sign_ins, id)
  redis.call('ZREM', new, id)
end

-- A write takes far less than a minute. One that was given up reserves nothing after that.
redis.call('ZREMRANGEBYSCORE', new, '-inf', now - 60000)
-- A few at a time, so that no script takes long.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', sessions, '-inf', now, 'LIMIT', 0, 100)) do
  remove(id)
end

