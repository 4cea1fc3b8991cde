"""The migrations of a small host, whose one table is `parcels`; Alembic runs this file."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine

from squidie_storage_sql.alembic import include_name, include_object

metadata = MetaData()
Table("parcels", metadata, Column("id", Integer, primary_key=True), Column("name", Text))

url = context.config.get_main_option("sqlalchemy.url") or ""
way = context.config.get_main_option("leaves_ours_alone_by")
names = include_name if way == "name" else None
objects = include_object if way == "object" else None

if context.is_offline_mode():
    context.configure(url=url, target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_schemas=True,
            include_name=names,
            include_object=objects,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
