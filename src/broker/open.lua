-- Opens the log, or asks where it stands: epoch, head, the log's clock, horizon. Writes only when a new epoch begins, or
-- when the server's clock was set back.
-- ARGV: candidate epoch, known epoch, seen offset.

local here = place(ARGV[1], ARGV[2], tonumber(ARGV[3]))
if here.rolled then
  -- Without its state nobody can say how large the stream is: history begins anew.
  if here.lost then redis.call('DEL', LOG) end
  keep(here)
elseif here.back then
  -- From here on the log's clock goes on. A server that takes no writes may still be read.
  redis.pcall('HSET', STATE, 'at', whole(here.at), 'wall', whole(here.wall))
end
return { here.epoch, whole(here.head), whole(here.at), whole(here.horizon) }
