"""Squidie's delivery queue, notifier and due hints in Redis."""

from squidie_leases_redis.leases import RedisLeases, open_leases
from squidie_leases_redis.notifier import RedisNotifier, open_notifier
from squidie_leases_redis.options import RedisNotifierOptions, RedisOptions

__all__ = [
    "RedisLeases",
    "RedisNotifier",
    "RedisNotifierOptions",
    "RedisOptions",
    "open_leases",
    "open_notifier",
]
