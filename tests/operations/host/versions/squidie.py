"""Squidie's tables."""

from __future__ import annotations

from alembic import context, op

from squidie_storage_sql import alembic as squidie

revision = "squidie"
down_revision = "parcels"

schema = context.config.get_main_option("schema") or None
from_version = context.config.get_main_option("from_version")


def upgrade() -> None:
    squidie.upgrade(op, schema=schema, from_version=int(from_version) if from_version else None)


def downgrade() -> None:
    squidie.downgrade(op, schema=schema)
