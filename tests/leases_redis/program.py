"""What other processes do: `python -m tests.leases_redis.program COMMAND ARGUMENT...`. Each says `ready` first."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from squidie_core import DeliveryWorker, LeaseError, Runner, Squidie, Unavailable, Worker
from squidie_core.ports.leases import Delivery
from squidie_leases_redis import hinted, open_leases, open_notifier
from tests.leases_redis.flows import ALL, Trail


def take(url: str, owner: str, lease_for: str, path: str) -> None:
    """Take and complete deliveries until all are gone, noting each; an outage is waited out.

    After the first ones it says so, and waits for another line.
    """
    leases = open_leases(url, timeout=1)
    say("ready")
    sys.stdin.readline()
    trail = Trail(Path(path))
    idle, waited = 0, False
    while idle < 3:
        taken: Sequence[Delivery] = ()
        try:
            taken = leases.claim("q", owner_id=owner, lease_for=int(lease_for), limit=3)
            for one in taken:
                trail.note(f"{one.id} {one.token} {owner}")
                leases.complete(one)
            idle = 0 if taken else idle + 1
            if taken and not waited:
                waited = True
                say("taken")
                sys.stdin.readline()
        except LeaseError:
            trail.note(f"- - {owner}")
        except Unavailable:
            idle = 0
        if not taken:
            time.sleep(int(lease_for) / 1000)
    leases.close()


def hold(url: str, lease_for: str) -> None:
    """Take a delivery, wait for a line, and say what comes of each report."""
    leases = open_leases(url)
    (one,) = leases.claim("q", owner_id="holder", lease_for=int(lease_for))
    say("ready")
    say(str(one.token))
    sys.stdin.readline()
    reports: list[Callable[[], object]] = [
        lambda: leases.extend(one, lease_for=1000),
        lambda: leases.fail(one, reason="late", retry_in=0),
        lambda: leases.complete(one),
    ]
    for report in reports:
        try:
            report()
        except LeaseError as error:
            say(error.code)
        else:
            say("accepted")
    leases.close()


def work(store: str, redis: str, path: str) -> None:
    """Work on a hinted storage with a notifier, both of the same Redis, until a line comes."""
    from squidie_storage_sql import open_postgresql  # noqa: PLC0415  # takes a while, and not all need it

    storage = hinted(open_postgresql(store), redis, sweep_every=1, retry_every=0.2, timeout=0.5)
    notifier = open_notifier(redis, namespace=storage.namespace, probe_every=1, probe_timeout=1)
    with Squidie(storage, workflows=ALL, resources={Trail: Trail(Path(path))}, notifier=notifier) as squidie:
        worker = Worker(squidie, concurrency=4, lease_for=5)
        thread = threading.Thread(target=worker.run)
        thread.start()
        say("ready")
        sys.stdin.readline()
        worker.stop()
        thread.join()
    notifier.close()
    storage.close()


def deliver(store: str, redis: str, path: str) -> None:
    """Perform deliveries until a line comes."""
    leases = open_leases(redis)
    with Squidie(store, workflows=ALL, resources={Trail: Trail(Path(path))}) as squidie:
        worker = DeliveryWorker(Runner(squidie, lease_for=0.5), leases, queue="q", lease_for=0.5, poll_every=0.05)
        thread = threading.Thread(target=worker.run)
        thread.start()
        say("ready")
        sys.stdin.readline()
        worker.stop()
        thread.join()
    leases.close()


COMMANDS: dict[str, Callable[..., None]] = {"take": take, "hold": hold, "work": work, "deliver": deliver}


def say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
