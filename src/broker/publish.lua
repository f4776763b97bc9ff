-- Appends one change, all or nothing: every key is read, and so proves its type, before the first is written; Redis asks
-- for memory, disk and replicas before a script's first write and never after it.
--
-- KEYS: state, stream, games, ids, ages of ids, removed games, said (stamps and images) of the game.
-- ARGV as named below. Stamps are 20 digits whose order as text is their order as numbers; '' = none.

local IDS, AGES, GONE, SAID = KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local names = { 'candidate', 'format', 'game', 'expected', 'removed', 'scored', 'event', 'body', 'provider', 'id', 'hash',
  'event_at', 'seq', 'image', 'said', 'send', 'channel', 'touch', 'recent_ms', 'recent_bytes', 'id_ms', 'ids',
  'tombstone_ms', 'games' }
local ask = {}
for i, name in ipairs(names) do ask[name] = ARGV[i] end
for _, bound in ipairs({ 'recent_ms', 'recent_bytes', 'id_ms', 'ids', 'tombstone_ms', 'games' }) do
  ask[bound] = tonumber(ask[bound])
end

-- The checks.

local here = place(ask.candidate, '', 0)
local now = here.at
local id = ask.provider .. ' ' .. ask.id
local known = redis.call('HGET', IDS, id)
redis.call('LLEN', AGES)
redis.call('ZCARD', GONE)
if ask.id ~= '' and known then
  local version, epoch, offset, at, hash = string.match(known, '^(%d+) (%w+) (%d+) (%d+) (.*)$')
  if now - tonumber(at) <= ask.id_ms then
    if hash ~= ask.hash then return { 'reused' } end
    -- A write, so that WAIT has something to wait for.
    if ask.touch == '1' then redis.call('HSET', STATE, 'touched', whole(now)) end
    return { 'replayed', version, epoch, offset }
  end
end
local said_at, said_seq = 'e ' .. ask.provider, 'q ' .. ask.provider
local stamps = redis.call('HMGET', SAID, said_at, said_seq)
local function outdated(held, new, or_equal)
  return held and new ~= '' and (new < held or (or_equal and new == held))
end
if outdated(stamps[1], ask.event_at, false) or outdated(stamps[2], ask.seq, true) then return { 'outdated' } end
local held = row(redis.call('HGET', GAMES, ask.game))
local base = held and not held.removed and held.version or '0'
if base ~= ask.expected then return { 'conflict' } end
if ask.game ~= '' and not held and redis.call('HLEN', GAMES) >= ask.games then
  -- Unless a tombstone's time is over: the trims below forget more than this adds.
  local oldest = redis.call('ZRANGE', GONE, 0, 0, 'WITHSCORES')
  if not oldest[1] or now - tonumber(oldest[2]) <= ask.tombstone_ms then return { 'full' } end
end

-- The writes.

local offset = whole(here.head + 1)
local version, score_base, score_version = '0', '0', '0'
if ask.game ~= '' then
  version = base == '0' and offset or whole(tonumber(base) + 1)
  score_base = base == '0' and '0' or held.score
  score_version = (base == '0' or ask.scored == '1') and version or score_base
end
local game = ask.game == '' and '-' or ask.game
local head = table.concat({ ask.format, here.epoch, offset, whole(now), game, base, version, score_base, score_version }, ' ')
local entry = head .. '\n' .. ask.event

if here.lost then redis.call('DEL', LOG) end
redis.call('XADD', LOG, offset .. '-0', 'e', entry)
here.head = here.head + 1
here.bytes = here.bytes + #entry
if here.entries == 1 then here.second = now end

if ask.game ~= '' then
  local value = table.concat({ version, score_version, offset, whole(now), ask.removed }, ' ') .. '\n' .. ask.body
  redis.call('HSET', GAMES, ask.game, value)
  if held and held.removed then
    redis.call('ZREM', GONE, ask.game)
    -- What begins afresh has no image to be compared with; the stamps hold.
    for _, field in ipairs(redis.call('HKEYS', SAID)) do
      if string.sub(field, 1, 2) == 'i ' then redis.call('HDEL', SAID, field) end
    end
  end
  if ask.removed == '1' then redis.call('ZADD', GONE, whole(now), ask.game) end
  local function newer(stamp, new) return new ~= '' and (not stamp or new > stamp) end
  if newer(stamps[1], ask.event_at) then redis.call('HSET', SAID, said_at, ask.event_at) end
  if newer(stamps[2], ask.seq) then redis.call('HSET', SAID, said_seq, ask.seq) end
  if ask.image ~= '' then redis.call('HSET', SAID, 'i ' .. ask.provider, ask.image) end
end
if ask.id ~= '' then
  redis.call('HSET', IDS, id, table.concat({ version, here.epoch, offset, whole(now), ask.hash }, ' '))
  redis.call('RPUSH', AGES, whole(now) .. ' ' .. offset .. ' ' .. id)
end

-- The trims: a few rows of each kind, more than were added, so that they catch up. Of the stream the oldest goes when the
-- one after it is old, too: so the first that is held tells that all recent ones are.

local ROWS = 3
for _ = 1, ROWS do
  if here.bytes <= ask.recent_bytes and now - here.second <= ask.recent_ms then break end
  local first = redis.call('XRANGE', LOG, '-', '+', 'COUNT', 3)
  if #first < 2 then break end
  redis.call('XTRIM', LOG, 'MINID', first[2][1])
  here.bytes = here.bytes - #first[1][2][2]
  here.second = first[3] and tonumber(string.match(first[3][2][2], '^%S+ %S+ %S+ (%d+)')) or 0
end
for _ = 1, ROWS do
  local first = redis.call('LINDEX', AGES, 0)
  if not first then break end
  local at, of, field = string.match(first, '^(%d+) (%d+) (.*)$')
  if now - tonumber(at) <= ask.id_ms and redis.call('LLEN', AGES) <= ask.ids then break end
  redis.call('LPOP', AGES)
  -- An id that was applied again after its window has a place of its own further on.
  local last = redis.call('HGET', IDS, field)
  if last and string.match(last, '^%d+ %w+ (%d+)') == of then redis.call('HDEL', IDS, field) end
end
for _ = 1, ROWS do
  local first = redis.call('ZRANGE', GONE, 0, 0, 'WITHSCORES')
  if not first[1] or now - tonumber(first[2]) <= ask.tombstone_ms then break end
  local tombstone = row(redis.call('HGET', GAMES, first[1]))
  redis.call('ZREM', GONE, first[1])
  redis.call('HDEL', GAMES, first[1])
  redis.call('DEL', ask.said .. first[1])
  if tombstone then here.horizon = math.max(here.horizon, tonumber(tombstone.offset)) end
end
here.games = redis.call('HLEN', GAMES)
keep(here)
-- A hint: whoever misses it reads the stream. What forbids it must not undo what is written.
redis.pcall(ask.send, ask.channel, entry)
return { 'published', version, here.epoch, offset }
