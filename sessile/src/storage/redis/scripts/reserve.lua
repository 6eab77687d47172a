-- Adds a session that is about to be stored, or extends its entry.
-- ARGV[1]: its id. ARGV[2]: when it signed in. ARGV[3]: its time to live in milliseconds.
-- ARGV[4]: how many sessions there may be, or 0.
-- Returns false if there is no place. Otherwise returns three values: the mark, the time of the reservation, and 1 if the
-- session had no place before, or else 0. The time is 0 if the session has its place already, and -1 if another one has it.
local id, signed_in, ttl, max = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local known = tonumber(redis.call('ZSCORE', sign_ins, id))
local others = redis.call('ZCARD', sign_ins) - (known and 1 or 0)
if max > 0 and others >= max then
  return false
end
local last_end = tonumber(redis.call('ZSCORE', sessions, id))
if last_end and not known then
  -- It is being deleted.
  return {redis.call('GET', mark), -1, 0}
end

local reserved = 0
if not known or signed_in > known or redis.call('ZSCORE', new, id) then
  -- Each reservation has its own time.
  local last = tonumber(redis.call('ZSCORE', new, id)) or 0
  reserved = math.max(now, last + 1)
  redis.call('ZADD', new, reserved, id)
  redis.call('PEXPIRE', new, 60000)
  redis.call('ZADD', sign_ins, math.max(signed_in, known or 0), id)
end
redis.call('ZADD', sessions, math.max(now + ttl, last_end or 0), id)
for _, key in ipairs({sessions, sign_ins}) do
  if redis.call('PTTL', key) < ttl then
    redis.call('PEXPIRE', key, ttl)
  end
end
return {redis.call('GET', mark), reserved, known and 0 or 1}
