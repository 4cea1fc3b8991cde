"""A host that is killed with its transaction open: `python -m tests.constructs.host_program URL TABLE`."""

from __future__ import annotations

import sys

import sqlalchemy as sa

from squidie_core import Squidie


def main(url: str, table: str) -> None:
    """Write an order, start its run, say the run's id, and wait for the end."""
    from tests.constructs.test_within import Ship  # noqa: PLC0415  # which is the tests' own

    engine = sa.create_engine(url.partition("?")[0].replace("postgresql://", "postgresql+psycopg://"))
    with Squidie(url, workflows=[Ship]) as squidie, engine.begin() as connection:
        connection.execute(sa.text(f"insert into {table} values ('lost')"))  # noqa: S608 -- the test's name
        run = squidie.within(connection).start(Ship.ordered, {"order": "lost"})
        sys.stdout.write(f"{run.id}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
