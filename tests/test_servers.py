from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import psycopg
import pytest

from squidie_leases_redis import open_leases
from squidie_storage_dynamodb import open_dynamodb
from tests.runtime.waiting import eventually
from tests.servers import DynamoDb, Postgres, Redis


def data_directory(connection: psycopg.Connection) -> Path:
    row = connection.execute("show data_directory").fetchone()
    assert row is not None
    return Path(row[0])


def test_the_session_has_a_postgresql(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


class TestAServerOfOnesOwn:
    @pytest.fixture
    def server(self, postgresql_url: str) -> Iterator[Postgres]:
        del postgresql_url  # asked for so that a machine without a server skips
        server = Postgres()
        yield server
        server.stop()

    def test_keeps_what_was_committed_through_a_crash(self, server: Postgres) -> None:
        with psycopg.connect(server.url) as connection:
            connection.execute("create table rings (name text)")
            connection.execute("insert into rings values ('one')")
        url = server.url

        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.start()

        assert server.url == url
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select name from rings").fetchall() == [("one",)]

    def test_breaks_open_connections_when_it_is_killed(self, server: Postgres) -> None:
        with psycopg.connect(server.url, autocommit=True) as connection:
            server.kill()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("select 1")

    def test_leaves_nothing_behind_when_it_is_stopped(self, server: Postgres) -> None:
        with psycopg.connect(server.url) as connection:
            data = data_directory(connection)
        assert data.is_dir()

        server.stop()

        assert not data.parent.exists()


class TestARedisOfOnesOwn:
    @pytest.fixture(params=[None, 2])
    def redis(self, redis_url: str, request: pytest.FixtureRequest) -> Iterator[Redis]:
        del redis_url  # asked for so that a machine without a server skips
        server = Redis(nodes=request.param, durable=True)
        yield server
        server.stop()

    def test_keeps_its_data_through_a_crash_and_loses_them_when_it_is_wiped(self, redis: Redis) -> None:
        url = redis.url
        with closing(open_leases(url)) as leases:
            leases.enqueue("q", {"ring": "one"}, delivery_id="ring")
            redis.kill()
            redis.start()
            assert redis.url == url
        with closing(open_leases(url)) as leases:
            (ring,) = leases.claim("q", owner_id="me", lease_for=1)
            assert ring.payload == {"ring": "one"}
            redis.wipe()
            assert list(leases.claim("q", owner_id="me", lease_for=1)) == []

    def test_leaves_nothing_behind_when_it_is_stopped(self, redis: Redis) -> None:
        folder = redis.socket.parent
        assert folder.is_dir()
        redis.stop()
        assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_server_dies_with_a_killed_test_process(postgresql_url: str) -> None:
    """No server outlives its tests, even where nothing had a chance to clean up."""
    del postgresql_url  # asked for so that a machine without a server skips
    program = "from tests.servers import Postgres; server = Postgres(); print(server.url, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        url = owner.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            data = data_directory(connection)
        owner.send_signal(signal.SIGKILL)

    end = time.monotonic() + 10
    while (data / "postmaster.pid").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not (data / "postmaster.pid").exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    shutil.rmtree(data.parent)


class TestADynamoDbOfOnesOwn:
    @pytest.fixture
    def folder(self, dynamodb_endpoint: str, tmp_path: Path) -> Path:
        del dynamodb_endpoint  # asked for so that a machine without an emulator skips, and for its credentials
        return tmp_path

    def test_keeps_what_was_committed_through_a_crash_where_it_has_a_folder(self, folder: Path) -> None:
        server = DynamoDb(folder=folder)
        url = server.url
        storage = open_dynamodb(f"dynamodb://rings?endpoint={url}", create=True)
        storage.put_blob("one", "ring")
        server.kill()
        server.start()
        assert server.url == url
        assert storage.get_blobs(["one"]) == {"one": "ring"}
        storage.close()
        server.stop()

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
    def test_dies_with_a_killed_test_process(self, folder: Path) -> None:
        del folder
        program = "from tests.servers import DynamoDb; server = DynamoDb(); print(server.url, flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as owner:
            assert owner.stdout is not None
            address = urlsplit(str(owner.stdout.readline()).strip())
            assert listens(address)
            owner.send_signal(signal.SIGKILL)
        eventually(lambda: not listens(address))


def listens(address: SplitResult) -> bool:
    try:
        socket.create_connection((address.hostname, address.port)).close()
    except ConnectionRefusedError:
        return False
    return True
