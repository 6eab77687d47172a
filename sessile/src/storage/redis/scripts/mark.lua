-- Writes a mark: the sessions that signed in until its time have ended, except one.
-- ARGV[1]: the time now. ARGV[2]: how long the mark lives, in milliseconds. ARGV[3]: the id of the session that is kept, or ''.
-- ARGV[4]: when that signed in.
-- Returns the time of the mark, or false if an earlier mark has ended the session that is kept.
local at, kept = tonumber(ARGV[1]), ARGV[3]

local newest = redis.call('ZREVRANGE', sign_ins, 0, 0, 'WITHSCORES')
if newest[2] then
  at = math.max(at, tonumber(newest[2]))
end
local earlier = redis.call('GET', mark)
if earlier then
  local earlier_at, earlier_kept = string.match(earlier, '^(%d+) (.*)$')
  earlier_at = tonumber(earlier_at)
  if kept ~= '' and kept ~= earlier_kept and tonumber(ARGV[4]) <= earlier_at then
    return false
  end
  at = math.max(at, earlier_at)
end
local text = string.format('%.0f', at)
redis.call('SET', mark, text .. ' ' .. kept, 'PX', ARGV[2])
return text
