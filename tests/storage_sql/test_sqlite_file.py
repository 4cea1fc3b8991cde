"""A SQLite file beside other processes and other threads."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from squidie_contract.engine.appends import append, commits_of, stored, write
from squidie_core.errors import Corrupt, Unavailable
from squidie_core.journal.commit import COMMITTED, Commit
from squidie_storage_sql import open_sqlite
from tests.storage_sql.stores import Store
from tests.storage_sql.wire import statements

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("held", flush=True)
sys.stdin.readline()
"""

COUNT = """
import sys
from squidie_core.journal.commit import COMMITTED, Commit
from squidie_storage_sql import open_sqlite
from squidie_contract.engine.appends import append
storage = open_sqlite(sys.argv[1])
for i in range(60):
    group = [Commit((append(f"{sys.argv[2]} {i} {j}"),)) for j in range(5)]
    assert storage.commit(group) == [COMMITTED] * 5
storage.close()
"""

WRITE_AND_END = """
import os, sys
from squidie_storage_sql import open_sqlite
from squidie_contract.engine.appends import append, write
write(open_sqlite(sys.argv[1]), append("a"))
os._exit(9)
"""


@contextmanager
def locked_by_another_process(path: str) -> Generator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("\n", timeout=10)


def path_of(store: Store) -> str:
    return store.url.removeprefix("sqlite:///")


class TestAFileThatAnotherProcessWritesTo:
    def test_is_unavailable_after_the_timeout_and_nothing_is_lost(self, sqlite: Store) -> None:
        storage = sqlite.open(busy_timeout=0.1)
        first = append("a")
        write(storage, first)
        one = append("a", first.head)
        with locked_by_another_process(path_of(sqlite)):
            with pytest.raises(Unavailable, match="busy_timeout") as caught:
                storage.commit([Commit((one,))])
            assert caught.value.outcome == "none"
            assert commits_of(storage, "a") == [stored(first)]
        assert storage.commit([Commit((one,))]) == [COMMITTED]
        assert commits_of(storage, "a") == [stored(first), stored(one)]

    def test_is_waited_for(self, sqlite: Store) -> None:
        storage = sqlite.open(busy_timeout=60)
        with statements(storage) as seen, ThreadPoolExecutor(1) as pool:
            with locked_by_another_process(path_of(sqlite)):
                waiting = pool.submit(storage.commit, [Commit((append("a"),))])
                while seen.count("begin") < 2:
                    assert not waiting.done()
            assert waiting.result(60) == [COMMITTED]

    def test_is_written_to_by_all_in_turn(self, sqlite: Store) -> None:
        storage = sqlite.open()
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": root}
        command = [sys.executable, "-c", COUNT, sqlite.url]
        others = [subprocess.Popen([*command, name], env=environment, cwd=root) for name in ("x", "y")]
        for i in range(60):
            write(storage, append(f"z {i}"))
        assert [process.wait(60) for process in others] == [0, 0]
        assert sqlite.sql("select count(*), sum(rev) from squidie_runs") == [(660, 660)]


class TestThreads:
    def test_of_two_storages_take_turns(self, sqlite: Store) -> None:
        storages = [sqlite.open(busy_timeout=30), sqlite.open(busy_timeout=30)]

        def write_some(worker: int) -> None:
            for i in range(40):
                write(storages[worker % 2], append(f"{worker} {i}"))

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write_some, range(6)))
        assert sqlite.sql("select count(*) from squidie_commits") == [(240,)]


class TestTheFile:
    @pytest.mark.parametrize(("option", "expected"), [("full", 2), ("normal", 1)])
    def test_has_a_write_ahead_log_and_the_chosen_safety(self, sqlite: Store, option: str, expected: int) -> None:
        storage = sqlite.open(synchronous=option)
        for pragma, value in (("journal_mode", "wal"), ("synchronous", expected)):
            assert storage.database.read(f"pragma {pragma}", {}) == [(value,)]
            assert storage.database.write(f"pragma {pragma}", {}) == [(value,)]

    def test_that_is_no_database_is_corrupt(self, tmp_path: Path) -> None:
        (tmp_path / "x.db").write_text("a letter to Gandalf, and not short enough to be taken for an empty file" * 20)
        with pytest.raises(Corrupt):
            open_sqlite(f"sqlite:///{tmp_path}/x.db")

    def test_survives_an_end_without_close(self, sqlite: Store) -> None:
        root = str(Path(__file__).parents[2])
        ended = subprocess.run(
            [sys.executable, "-c", WRITE_AND_END, sqlite.url],
            env={**os.environ, "PYTHONPATH": root},
            cwd=root,
            check=False,
        )
        assert ended.returncode == 9
        assert len(commits_of(sqlite.open(), "a")) == 1

    def test_whose_write_fails_midway_keeps_nothing_of_it(self, sqlite: Store) -> None:
        storage = sqlite.open()
        with closing(sqlite3.connect(path_of(sqlite))) as connection:
            connection.execute(
                "create trigger spoil before insert on squidie_commits when new.run_id = 'b' "
                "begin select raise(abort, 'spoilt'); end"
            )
        storage.commit([Commit((append("a"), append("b")))])
        assert storage.heads(["a", "b"]) == {}
