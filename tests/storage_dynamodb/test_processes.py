"""Real processes at one thread: every append that was reported is there, once, in one order; some are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from squidie_core.journal.commit import StoredCommit
from squidie_storage_dynamodb import DynamodbStorage, open_dynamodb

_ROOT = Path(__file__).parents[2]


class Appender:
    """A process that runs `program.py`."""

    def __init__(self, url: str, name: str, count: int, pairs: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage_dynamodb.program", url, name, str(count), pairs],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def accepted(self) -> list[list[int]]:
        """Wait for its end; the commit ids that it reported, commit by commit."""
        said, _ = self.process.communicate(timeout=90)
        return [[int(word) for word in line.split()] for line in said.splitlines() if line]

    def kill_after(self, lines: int) -> list[list[int]]:
        """Let it report so many commits, then end it without warning; all that it reported."""
        assert self.process.stdout is not None
        seen = [self.process.stdout.readline() for _ in range(lines)]
        self.process.kill()
        said, _ = self.process.communicate(timeout=90)
        whole = "".join(seen) + said.rpartition("\n")[0]
        return [[int(word) for word in line.split()] for line in whole.splitlines() if line]


class Crowd:
    """Processes in one namespace, and a client that looks at what they did."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}&namespace=t-{uuid4().hex}"
        self.storage: DynamodbStorage = open_dynamodb(self.url)
        self.appenders: list[Appender] = []

    def gather(self, size: int, count: int, pairs: str = "") -> list[Appender]:
        """Start so many, which begin together."""
        made = [Appender(self.url, f"p{number}", count, pairs) for number in range(size)]
        self.appenders += made
        for one in made:
            one.wait_until_ready()
        for one in made:
            one.begin()
        return made

    def journal(self, thread_id: str) -> list[StoredCommit]:
        """The thread, which has neither gap nor fork."""
        commits = list(self.storage.read(thread_id))
        assert [c.rev for c in commits] == list(range(1, len(commits) + 1))
        assert all(after.previous == before.commit_id for before, after in pairwise(commits))
        assert commits[-1].head == self.storage.heads([thread_id])[thread_id].head
        return commits

    def close(self) -> None:
        for one in self.appenders:
            one.process.kill()
            one.process.communicate()
        self.storage.close()


@pytest.fixture
def crowd(dynamodb_url: str) -> Iterator[Crowd]:
    """Yield processes to be, and see to their end."""
    made = Crowd(dynamodb_url)
    yield made
    made.close()


class TestProcessesAtOneThread:
    def test_lose_no_append_and_double_none(self, crowd: Crowd) -> None:
        accepted = [ids for one in crowd.gather(4, 12) for ids in one.accepted()]
        assert len(accepted) == 48
        assert sorted(c.commit_id for c in crowd.journal("t")) == sorted(commit_id for (commit_id,) in accepted)

    def test_that_write_another_with_it_write_both_or_none(self, crowd: Crowd) -> None:
        accepted = [ids for one in crowd.gather(3, 8, "pairs") for ids in one.accepted()]
        pairs = [
            [first.commit_id, second.commit_id]
            for first, second in zip(crowd.journal("t"), crowd.journal("u"), strict=True)
        ]
        assert len(pairs) == 24
        assert sorted(pairs) == sorted(accepted)

    def test_that_are_killed_lose_nothing_that_they_reported(self, crowd: Crowd) -> None:
        appenders = crowd.gather(4, 400, "pairs")
        reported = [ids for after, one in enumerate(appenders, 1) for ids in one.kill_after(2 * after)]
        journals = crowd.journal("t"), crowd.journal("u")
        pairs = [[first.commit_id, second.commit_id] for first, second in zip(*journals, strict=True)]
        assert len(reported) >= 20
        missing = [ids for ids in reported if ids not in pairs]
        assert not missing
        assert len({tuple(ids) for ids in pairs}) == len(pairs)
