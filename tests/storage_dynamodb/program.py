"""A process that appends: `python -m tests.storage_dynamodb.program URL NAME COUNT PAIRS`.

It says `ready`, begins when it reads a line, appends to the thread `t` (with PAIRS also to `u`, in the same commit)
until so many of its commits were accepted, and says the id of each as soon as it knows.
"""

from __future__ import annotations

import os
import secrets
import sys

from squidie_contract.engine.appends import append
from squidie_core.journal.commit import NO_HEAD, Busy, Commit, Committed, Conflict, Refused
from squidie_storage_dynamodb import open_dynamodb


def say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def main(url: str, name: str, count: str, pairs: str) -> None:
    storage = open_dynamodb(url)
    threads = ("t", "u") if pairs == "pairs" else ("t",)
    say("ready")
    sys.stdin.readline()
    accepted = 0
    while accepted < int(count):
        heads = storage.heads(threads)
        appends = tuple(
            append(one, heads[one].head if one in heads else NO_HEAD, f"{name} {accepted} {secrets.token_urlsafe(90)}")
            for one in threads
        )
        (result,) = storage.commit([Commit(appends)])
        match result:
            case Committed():
                accepted += 1
                say(" ".join(str(one.commit_id) for one in appends))
            case Conflict() | Busy():
                pass
            case Refused(error):
                raise error
    storage.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
