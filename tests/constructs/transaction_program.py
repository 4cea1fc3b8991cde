"""A worker that is killed: `python -m tests.constructs.transaction_program URL TABLE body|commit`.

It says `here` within the body, or when all is written and nothing committed, and waits for its end.
"""

from __future__ import annotations

import sys
from typing import Any

import sqlalchemy as sa

from squidie_core import Squidie
from squidie_storage_sql.postgresql.lending import PostgresqlLoan
from squidie_storage_sql.sqlite.lending import SqliteLoan


def main(url: str, table: str, where: str) -> None:
    """Execute what is due, up to there."""
    from tests.constructs.hosts import Orders  # noqa: PLC0415  # which are the tests' own
    from tests.constructs.test_transactions import Desk, Order  # noqa: PLC0415

    orders = Orders.__new__(Orders)
    orders.engine = sa.create_engine(url.partition("?")[0].replace("postgresql://", "postgresql+psycopg://"))
    orders.name = table
    desk = Desk(orders)
    if where == "body":
        desk.meanwhile = _wait
    else:
        for loan in (PostgresqlLoan, SqliteLoan):
            setattr(loan, "commit", _wait)  # noqa: B010 -- checkers would have it of the same type
    with Squidie(url, workflows=[Order], resources={Desk: desk}) as squidie:
        while True:  # a claim whose answer took most of so short a lease is given back
            squidie.execute_next(lease_for=0.5)


def _wait(*_: Any) -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
