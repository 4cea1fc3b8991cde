"""The ready set: which runs are due, as far as Redis has heard. Losing it loses nothing."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, cast

import attrs

from squidie_core.errors import StorageError
from squidie_core.journal.codec import READER_VERSION
from squidie_leases_redis.server import Script, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squidie_core.journal.commit import IndexRow
    from squidie_leases_redis.addresses import Address
    from squidie_leases_redis.options import DueHintsOptions
    from squidie_leases_redis.server import Word

_log = logging.getLogger("squidie.hints")

# KEYS of a namespace: 1 hash from run id to what a worker must offer, 2 the set's age; then a sorted set of run ids by
# due time for each queue. The age is made anew with the set and grows with each nudge: who sees another age than before
# knows that the store may have work that the set does not. What nobody took for a minute is left to sweeps; a run that
# is written long after it fell due counts from then on.
_MADE = """
local time = redis.call('TIME')
redis.call('SET', KEYS[2], time[1] .. time[2], 'NX', 'EX', 3600)
"""

_FEED = Script(
    _MADE
    + """
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local soon = now + ARGV[1]
if ARGV[2] == '1' then
  redis.call('INCR', KEYS[2])
end
for i = 3, #ARGV, 4 do
  local due, id, wake_at = KEYS[2 + ARGV[i]], ARGV[i + 1], tonumber(ARGV[i + 2])
  if wake_at and wake_at <= soon then
    redis.call('ZADD', due, math.max(wake_at, now - 30000), id)
    redis.call('HSET', KEYS[1], id, ARGV[i + 3])
  else
    redis.call('ZREM', due, id)
    redis.call('HDEL', KEYS[1], id)
  end
end
for _, key in ipairs(KEYS) do
  redis.call('EXPIRE', key, 3600)
end
"""
)
"""horizon, whether runs were nudged; for each run the number of its queue, its id, its time or nothing, its needs."""

_TAKE = Script(
    _MADE
    + """
local about, due, age = KEYS[1], KEYS[3], redis.call('GET', KEYS[2])
local now, limit, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if age ~= ARGV[4] then
  return { age, false, false, {} }
end
local function forget(ids)
  if #ids > 0 then
    redis.call('ZREM', due, unpack(ids))
    redis.call('HDEL', about, unpack(ids))
  end
end
forget(redis.call('ZRANGEBYSCORE', due, '-inf', now - 60000, 'LIMIT', 0, most))
local found = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, most + 1)
if #found > most then
  return { age, false, false, {} }
end
local offers = {}
for i = 6, #ARGV do
  offers[ARGV[i]] = true
end
local fit = {}
for place, id in ipairs(found) do
  local run = redis.call('HGET', about, id)
  run = run and cjson.decode(run)
  local offered = false
  for _, need in ipairs(run and run[3] or {}) do
    offered = offered or offers[need]
  end
  if offered and run[2] <= tonumber(ARGV[5]) then
    fit[#fit + 1] = { run[1], place, id }
  end
end
table.sort(fit, function(one, other)
  return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
end)
local taken = {}
for i = 1, math.min(limit, #fit) do
  taken[i] = fit[i][3]
end
forget(taken)
local later = redis.call('ZRANGEBYSCORE', due, '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return { age, 1, later[2] or false, taken }
"""
)
"""time, limit, how many the set may have due, its age as it is known, reader; what the worker offers."""

_KNOWS = Script("""
return redis.call('ZCOUNT', KEYS[3], ARGV[1], ARGV[1])
""")
"""a time; how many runs of the queue fall due then."""

_MOST = 256
"""Of a greater backlog the store gives more at a time, in its own order."""


@attrs.frozen
class Taken:
    """What the set gave. Not `whole`: the store may have work that the set does not, or is better asked for so much."""

    age: str
    whole: bool
    next_wake: int | None
    run_ids: Sequence[str]


class ReadySet:
    """The due runs of a namespace, by queue. Never raises: where Redis is not to be had, nothing is fed or taken.

    After a failure it leaves Redis alone for a while. Safe to use from many threads.
    """

    def __init__(self, address: Address, options: DueHintsOptions) -> None:
        self._server = Server(address, options, "ready set")
        self._home = f"{options.prefix}:{{{options.namespace}}}"
        self._horizon = 2 * options.sweep_every
        self._retry_every = options.retry_every / 1000
        self._rests_until = 0.0
        self._failing = False

    @property
    def address(self) -> Address:
        """Where it is."""
        return self._server.address

    def looks(self) -> bool:
        """Whether Redis answers now."""
        self._rests_until = 0.0
        self._run(_FEED, [], [self._horizon, 0])
        return not self._failing

    def feed(self, rows: Sequence[tuple[str, IndexRow]], *, nudged: bool) -> None:
        """Say what the store now says of these runs. What falls due much later is left to sweeps of the store."""
        if not rows and not nudged:
            return
        queues: dict[str, int] = {}
        words: list[Word] = []
        for run_id, index in rows:
            number = queues.setdefault(index.queue, len(queues) + 1)
            needs = json.dumps([index.priority, index.min_reader, index.needs])
            words += [number, run_id, "" if index.wake_at is None else index.wake_at, needs]
        self._run(_FEED, [self._due(queue) for queue in queues], [self._horizon, int(nudged), *words])

    def knows(self, queue: str, at: int) -> bool:
        """Whether it has a run that falls due at this time."""
        return bool(self._run(_KNOWS, [self._due(queue)], [at]))

    def take(self, queue: str, *, age: str | None, offers: Sequence[str], limit: int, now: int) -> Taken | None:
        """Runs that are due at `now` by the store's clock and need one of the offers; nobody else gets them."""
        words: list[Word] = [now, limit, _MOST, age or "", READER_VERSION, *offers]
        answer = self._run(_TAKE, [self._due(queue)], words)
        if answer is None:
            return None
        made, whole, next_wake, run_ids = cast("tuple[str, int | None, str | None, list[str]]", answer)
        return Taken(made, bool(whole), None if next_wake is None else int(float(next_wake)), run_ids)

    def close(self) -> None:
        """Give back connections."""
        self._server.close()

    def _due(self, queue: str) -> str:
        return f"{self._home}:due:{queue}"

    def _run(self, script: Script, due: Sequence[str], words: Sequence[Word]) -> Any:
        if time.monotonic() < self._rests_until:
            return None
        try:
            answer = self._server.run(script, [f"{self._home}:about", f"{self._home}:age", *due], words)
        except StorageError as error:
            self._rests_until = time.monotonic() + self._retry_every
            if not self._failing:
                self._failing = True
                _log.warning("due runs are looked for in the store alone, for now: %s", error)
            return None
        self._failing = False
        return answer
