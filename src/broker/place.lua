-- Where the log stands, and whether it still is the history that was seen. Goes before `open.lua` and `publish.lua`.
-- It only reads. All keys are in one slot: KEYS[1] state, KEYS[2] stream, KEYS[3] games.

local STATE, LOG, GAMES = KEYS[1], KEYS[2], KEYS[3]

-- Whole numbers as text: Lua's own way goes over to 1e+15.
local function whole(number)
  return string.format('%.0f', number)
end

-- The server's clock; ms.
local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Names the server and its data: the first changes when the server starts, the second when it takes another's data or
-- is made a primary. While both are as they were, nothing that was seen can be missing.
local function server()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local data = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  return (run or '') .. ':' .. (data or '')
end

-- A game's row: version, score version, offset, at, removed, and the publisher's part, which is not looked into.
local function row(value)
  if not value then return nil end
  local version, score, offset, at, removed = string.match(value, '^(%d+) (%d+) (%d+) (%d+) (%d)\n')
  return { version = version, score = score, offset = offset, removed = removed == '1' }
end

-- The greatest offset that is found without the state.
local function survivor()
  local head = 0
  local last = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  if last then head = tonumber(string.match(last[1], '^%d+')) end
  for _, value in ipairs(redis.call('HVALS', GAMES)) do
    head = math.max(head, tonumber(row(value).offset))
  end
  return head
end

-- `candidate` names the epoch that begins if history may be shorter than what somebody saw: on another server, without
-- the state, with games missing, or when a follower saw more (`known` epoch, `seen` offset) than there is.
local function place(candidate, known, seen)
  local fields = { 'epoch', 'server', 'head', 'at', 'bytes', 'second', 'horizon', 'games', 'wall' }
  local held = redis.call('HMGET', STATE, unpack(fields))
  local here = { server = server(), epoch = held[1], lost = not held[1], entries = redis.call('XLEN', LOG) }
  for i = 3, #fields do here[fields[i]] = tonumber(held[i]) or 0 end
  local games = redis.call('HLEN', GAMES)
  here.rolled = here.lost or held[2] ~= here.server or here.games ~= games
    or (known == here.epoch and seen > here.head)
  if here.lost then here.head = survivor() end
  if here.rolled then here.epoch = candidate end
  if here.lost or here.entries == 0 then here.entries, here.bytes, here.second = 0, 0, 0 end
  here.games = games
  -- The log's clock is the server's, but never falls, nor stands still: where that was set back, it goes on from where it
  -- was, a little slower, until the server's has caught up. `wall`: the server's when `at` was written.
  local wall = clock()
  here.back = held[9] and wall < here.wall
  local passed = held[9] and math.max(wall - here.wall, 0) or 0
  here.at = math.max(wall, here.at + math.ceil(passed * 99 / 100))
  here.wall = wall
  return here
end

-- Writes it down. `second`: when the second oldest of the stream was stored; 0 where there is none.
local function keep(here)
  redis.call('HSET', STATE, 'epoch', here.epoch, 'server', here.server, 'head', whole(here.head), 'at', whole(here.at),
    'bytes', whole(here.bytes), 'second', whole(here.second), 'horizon', whole(here.horizon), 'games', here.games,
    'wall', whole(here.wall))
end
