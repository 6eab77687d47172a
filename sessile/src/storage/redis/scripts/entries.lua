-- Returns for each session: its id, when it signed in or '', and 1 if it may not be stored yet.
local entries = {}
for _, id in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
  table.insert(entries, id)
  table.insert(entries, redis.call('ZSCORE', sign_ins, id) or '')
  table.insert(entries, redis.call('ZSCORE', new, id) and 1 or 0)
end
return entries
