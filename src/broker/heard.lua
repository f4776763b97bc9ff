-- Remembers a provider's stamps and image of a game. Of a game that is not there nothing is kept: it would never go.
-- KEYS: games, said of the game. ARGV: game, provider, event_at, seq, image; '' = none.

if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local function newest(field, stamp)
  local held = redis.call('HGET', KEYS[2], field)
  if stamp ~= '' and (not held or stamp > held) then redis.call('HSET', KEYS[2], field, stamp) end
end
newest('e ' .. ARGV[2], ARGV[3])
newest('q ' .. ARGV[2], ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], 'i ' .. ARGV[2], ARGV[5]) end
return 1
