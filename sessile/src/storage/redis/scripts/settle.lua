-- Says what became of the write that a place was reserved for.
-- ARGV[1]: the id. ARGV[2]: 'stored', 'missing' if no record is under the id, or 'failed'.
-- ARGV[3]: when the place was reserved, or 0 or -1, as `reserve.lua` returns it. ARGV[4]: 1 if the session had none before.
local id, outcome, reserved = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- Another write of the session may have reserved it since.
local is_ours = tonumber(redis.call('ZSCORE', new, id)) == reserved
if outcome == 'missing' or (outcome == 'failed' and is_ours and ARGV[4] == '1') then
  remove(id)
elseif outcome == 'stored' or is_ours then
  redis.call('ZREM', new, id)
end
return 'OK'
