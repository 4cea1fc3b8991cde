"""What Redis does in one step each: the queue of deliveries.

`KEYS` are those of one queue, all with one hash tag:
1 ready: sorted set of the ids that are visible, by priority and then age
2 waiting: sorted set of the ids that will be, by the time; of those that are claimed too, by the end of the lease
3 states: hash from id to `order attempt token`; the token is 0 while nobody has the delivery
4 payloads: hash from id to payload, of dead letters too
5 letters: sorted set of the ids of dead letters, by age
6 reasons: hash from id to `order attempts reason`, of dead letters
7 ages: counter
8 tokens: the last token given
"""

from __future__ import annotations

from squidie_leases_redis.server import Script

PARTS = ("ready", "waiting", "states", "payloads", "letters", "reasons", "ages", "tokens")

SERVER_TIME = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
"""Sets `now`: the server's time in milliseconds since the epoch."""

_PRELUDE = """
local ready, waiting, states, payloads, letters, reasons, ages, tokens = unpack(KEYS)
local id = ARGV[1]

local function whole(number)
  return string.format('%.0f', number)
end

local function add(priority, visible_at)
  -- 2^49 deliveries of one priority before the next; a score has 53 bits.
  local order = priority * 2 ^ 49 + redis.call('INCR', ages)
  redis.call('HSET', states, id, whole(order) .. ' 0 0')
  if visible_at > now then
    redis.call('ZADD', waiting, visible_at, id)
  else
    redis.call('ZADD', ready, whole(order), id)
  end
end

local function held(token)
  local lease_until = redis.call('ZSCORE', waiting, id)
  local state = redis.call('HGET', states, id)
  if not state or not lease_until or tonumber(lease_until) <= now then
    return nil
  end
  local order, attempt, last = string.match(state, '^(%d+) (%d+) (%d+)$')
  if last == token then
    return order, attempt
  end
end
"""

_ENQUEUE = """
if redis.call('HEXISTS', payloads, id) == 1 then
  return 0
end
redis.call('HSET', payloads, id, ARGV[2])
add(tonumber(ARGV[4]), now + ARGV[3])
return 1
"""

_CLAIM = """
local lease_until, limit = now + ARGV[1], tonumber(ARGV[2])
for _, fallen in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now, 'LIMIT', 0, 1000)) do
  local state = redis.call('HGET', states, fallen)
  if state then
    redis.call('ZADD', ready, string.match(state, '^%d+'), fallen)
  end
  redis.call('ZREM', waiting, fallen)
end
local token = math.max(tonumber(redis.call('GET', tokens) or '0'), now * 1000)
local claimed = {}
for _, one in ipairs(redis.call('ZRANGE', ready, 0, limit - 1)) do
  redis.call('ZREM', ready, one)
  local state = redis.call('HGET', states, one)
  local payload = redis.call('HGET', payloads, one)
  if state and payload then
    local order, attempt = string.match(state, '^(%d+) (%d+)')
    token, attempt = token + 1, attempt + 1
    redis.call('HSET', states, one, order .. ' ' .. whole(attempt) .. ' ' .. whole(token))
    redis.call('ZADD', waiting, lease_until, one)
    claimed[#claimed + 1] = { one, payload, whole(token), attempt, math.floor(order / 2 ^ 49), lease_until }
  end
end
if #claimed > 0 then
  redis.call('SET', tokens, whole(token))
end
return claimed
"""

_EXTEND = """
if not held(ARGV[2]) then
  return 0
end
redis.call('ZADD', waiting, now + ARGV[3], id)
return now + ARGV[3]
"""

_COMPLETE = """
if not held(ARGV[2]) then
  return 0
end
redis.call('ZREM', waiting, id)
redis.call('HDEL', states, id)
redis.call('HDEL', payloads, id)
return 1
"""

_GIVE_BACK = """
local order, attempt = held(ARGV[2])
if not order then
  return 0
end
redis.call('HSET', states, id, order .. ' ' .. attempt .. ' 0')
redis.call('ZADD', waiting, now + ARGV[3], id)
return 1
"""

_GIVE_UP = """
local order, attempt = held(ARGV[2])
if not order then
  return 0
end
redis.call('ZREM', waiting, id)
redis.call('HDEL', states, id)
redis.call('ZADD', letters, redis.call('INCR', ages), id)
redis.call('HSET', reasons, id, order .. ' ' .. attempt .. ' ' .. ARGV[3])
return 1
"""

_LETTERS = """
local found = {}
for _, one in ipairs(redis.call('ZRANGE', letters, 0, ARGV[1] - 1)) do
  local reason = redis.call('HGET', reasons, one)
  local payload = redis.call('HGET', payloads, one)
  if reason and payload then
    local attempts, words = string.match(reason, '^%d+ (%d+) (.*)$')
    found[#found + 1] = { one, payload, tonumber(attempts), words }
  end
end
return found
"""

_REDELIVER = """
local reason = redis.call('HGET', reasons, id)
if not reason then
  return 0
end
redis.call('ZREM', letters, id)
redis.call('HDEL', reasons, id)
add(math.floor(string.match(reason, '^%d+') / 2 ^ 49), now)
return 1
"""

_DISCARD = """
if redis.call('ZREM', letters, id) == 0 then
  return 0
end
redis.call('HDEL', reasons, id)
redis.call('HDEL', payloads, id)
return 1
"""


class DeliveryScripts:
    """The scripts, for servers whose time is told by the Lua statements `clock`."""

    def __init__(self, clock: str = SERVER_TIME) -> None:
        prelude = clock + _PRELUDE
        self.enqueue = Script(prelude + _ENQUEUE)
        """id, payload, delay, priority; 1, or 0 where the id is known."""
        self.claim = Script(prelude + _CLAIM)
        """lease, limit; for each delivery id, payload, token, attempt, priority, end of the lease."""
        self.extend = Script(prelude + _EXTEND)
        """id, token, lease; its end, or 0 where the delivery is not held any more."""
        self.complete = Script(prelude + _COMPLETE)
        """id, token; 1 or 0."""
        self.give_back = Script(prelude + _GIVE_BACK)
        """id, token, delay; 1 or 0."""
        self.give_up = Script(prelude + _GIVE_UP)
        """id, token, reason; 1 or 0."""
        self.letters = Script(prelude + _LETTERS)
        """limit; for each id, payload, attempts, reason."""
        self.redeliver = Script(prelude + _REDELIVER)
        """id; 1, or 0 where it is no dead letter."""
        self.discard = Script(prelude + _DISCARD)
        """id; the same."""
