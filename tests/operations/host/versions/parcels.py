"""The host's own table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "parcels"
down_revision = None


def upgrade() -> None:
    op.create_table("parcels", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade() -> None:
    op.drop_table("parcels")
