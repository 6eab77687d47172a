-- Removes sessions that are gone, unless they were added again since.
-- ARGV: for each its id, and when it signed in, as it was read.
for place = 1, #ARGV, 2 do
  local id = ARGV[place]
  local signed_in = redis.call('ZSCORE', sign_ins, id) or ''
  if signed_in == ARGV[place + 1] and not redis.call('ZSCORE', new, id) then
    remove(id)
  end
end
return 'OK'
