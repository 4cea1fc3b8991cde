"""Options and URLs: what is taken, what is refused and how, and that no text gives a secret away."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from squidie_contract.engine.appends import append, write
from squidie_core.errors import OptionError, SquidieError
from squidie_storage_sql import Plugin, PostgresqlOptions, SqliteOptions, open_postgresql, open_sqlite
from squidie_storage_sql.sqlite.mounts import file_system
from tests.storage_sql.stores import Store

SECRET = "s3cr3t/w%rd"
SPELLINGS = ("s3cr3t", "w%rd", "w%25rd")


def refusal(act: Callable[..., object], *arguments: Any, **options: Any) -> OptionError:
    with pytest.raises(OptionError) as caught:
        act(*arguments, **options)
    assert caught.value.code == "invalid_option"
    return caught.value


class TestOptions:
    @pytest.mark.parametrize(
        ("kind", "option", "bad"),
        [
            *((kind, "namespace", bad) for kind in (PostgresqlOptions, SqliteOptions) for bad in ("", "-a", "a b", 5)),
            *((kind, "pool_size", bad) for kind in (PostgresqlOptions, SqliteOptions) for bad in (0, "x", True, 1.5)),
            *((SqliteOptions, "busy_timeout", bad) for bad in (-1, "soon", None, True)),
            (PostgresqlOptions, "lock_timeout", timedelta(seconds=-1)),
            *((PostgresqlOptions, "schema", bad) for bad in ("a-b", 'a"b', "1a", "a" * 64, "a; drop table x")),
            (PostgresqlOptions, "create", "maybe"),
            (PostgresqlOptions, "prepared_statements", 1),
            (SqliteOptions, "synchronous", "off"),
        ],
    )
    def test_that_cannot_be_used_are_named_but_not_repeated(
        self, kind: Callable[..., object], option: str, bad: object
    ) -> None:
        error = refusal(kind, **{option: bad})
        assert error.details == {"option": option}
        assert error.message.startswith(f"{option}: ")
        if isinstance(bad, str) and len(bad) > 1:
            assert bad not in error.message.split()

    def test_may_be_written_as_in_a_url(self) -> None:
        options = SqliteOptions(busy_timeout="1.5", pool_size="3", create="no")
        assert (options.busy_timeout, options.pool_size, options.create) == (1500, 3, False)

    def test_take_a_timedelta_for_a_duration(self) -> None:
        assert PostgresqlOptions(pool_timeout=timedelta(minutes=1)).pool_timeout == 60_000

    @pytest.mark.parametrize(
        ("plugin", "url"), [(open_sqlite, "sqlite:///x.db"), (open_postgresql, "postgresql://h/d")]
    )
    def test_that_do_not_exist_bring_the_nearest_name(self, plugin: Plugin, url: str) -> None:
        assert "did you mean namespace?" in refusal(plugin, url, namspace="x").message
        assert "did you mean pool_size?" in refusal(plugin, f"{url}?poolsize=3").message

    def test_given_in_the_url_and_beside_it_are_refused(self) -> None:
        assert refusal(open_sqlite, "sqlite:///x.db?namespace=a", namespace="b").details == {"option": "namespace"}


class TestUrls:
    def test_may_carry_options(self, postgresql: Store, tmp_path: Path) -> None:
        separator = "&" if "?" in postgresql.url else "?"
        url = f"{postgresql.url}{separator}namespace=from-url&create=yes&application_name=orders"
        storage = open_postgresql(url)
        assert storage.namespace == "from-url"
        assert storage.database.read("select current_setting('application_name')", {}) == [("orders",)]
        storage.close()
        with_options = open_sqlite(f"sqlite:///{tmp_path}/x.db?namespace=from-url&busy_timeout=0.5")
        assert with_options.namespace == "from-url"
        with_options.close()

    @pytest.mark.parametrize(
        "url", ["mysql://h/d", "postgresql+asyncpg://h/d", "no url", "", "postgresql://h:port/d", "sqlite:///x.db"]
    )
    def test_of_another_kind_are_refused_by_postgresql(self, url: str) -> None:
        assert refusal(open_postgresql, url).details == {"option": "url"}

    @pytest.mark.parametrize(
        ("url", "hint"),
        [
            ("sqlite://", "memory://"),
            ("sqlite:///:memory:", "memory://"),
            ("sqlite:///file:x?mode=memory", "memory://"),
            ("sqlite://runs.db", "sqlite:///"),
            ("sqlite:///no/such/folder/runs.db", "no/such/folder"),
        ],
    )
    def test_that_name_no_file_say_what_to_write(self, url: str, hint: str) -> None:
        assert hint in refusal(open_sqlite, url).message

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/srv/nfs/deep/runs.db", "nfs4"),
            ("/srv/nfs2/runs.db", "ext4"),
            ("/my share/runs.db", "cifs"),
            ("/runs.db", "ext4"),
        ],
    )
    def test_on_a_network_file_system_are_recognised(self, path: str, expected: str) -> None:
        mounts = "/dev/sda1 / ext4 rw 0 0\nhost:/x /srv/nfs nfs4 rw 0 0\n//host/y /my\\040share cifs rw 0 0\nbroken\n"
        assert file_system(path, mounts) == expected


class TestSecrets:
    """Each text that somebody may see after a failure."""

    def texts(self, error: BaseException) -> str:
        return "".join(traceback.format_exception(error)) + repr(error) + str(getattr(error, "details", ""))

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://bilbo:s3cr3t%2Fw%25rd@127.0.0.1:9/shire",
            "postgresql://bilbo@127.0.0.1:9/shire?password=s3cr3t%2Fw%25rd",
            "postgresql://bilbo:s3cr3t%2Fw%25rd@127.0.0.1:9/shire?unknown=1",
            "postgresql://bilbo:s3cr3t%2Fw%25rd@127.0.0.1:9/shire?pool_size=none",
            "postgresql://bilbo:s3cr3t/w%25rd@127.0.0.1:port/shire",
            "postgresql://bilbo:s3cr3t@w%25rd@127.0.0.1:9/shire",
            "postgres://bilbo:s3cr3t%2Fw%25rd@127.0.0.1:9/shire",
            "postgresql://bilbo:s3cr3t%2Fw%25rd@127.0.0.1:9/shire?sslmode=s3cr3t/w%25rd",
        ],
    )
    def test_are_in_no_error(self, url: str, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG), pytest.raises(SquidieError) as caught:
            open_postgresql(url)
        seen = self.texts(caught.value) + caplog.text
        source = "".join(line for line in seen.splitlines(keepends=True) if "open_postgresql(url)" not in line)
        assert not [spelling for spelling in SPELLINGS if spelling in source]

    def test_are_in_no_repr_or_log_of_a_storage_that_works(
        self, postgresql: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            url = postgresql.url.replace("postgres@", "postgres:s3cr3t%2Fw%25rd@")
            storage = open_postgresql(url, namespace=postgresql.namespace, create=True)
            write(storage, append("a"))
            seen = repr(storage) + repr(storage.database) + repr(open_postgresql)
            storage.close()
        assert "***" in repr(storage)
        assert not [spelling for spelling in SPELLINGS if spelling in seen + caplog.text]
