"""What the entry point names: a callable that opens a storage, with what a command line needs beside it."""

from __future__ import annotations

from squidie_core.errors import SchemaError
from squidie_storage_dynamodb.client import Connection
from squidie_storage_dynamodb.keys import SCHEMA_KEY
from squidie_storage_dynamodb.migrating import migrate
from squidie_storage_dynamodb.policy import policy
from squidie_storage_dynamodb.schema import MigrationReport, check
from squidie_storage_dynamodb.storage import CAPABILITIES, DynamodbStorage
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.templates import cloudformation, terraform
from squidie_storage_dynamodb.urls import described, understood
from squidie_storage_dynamodb.values import Item


class Plugin:
    """Opens storages: `plugin(url, **options)`."""

    capabilities = CAPABILITIES

    def __repr__(self) -> str:
        return "<Plugin dynamodb>"

    def __call__(self, url: str, **options: object) -> DynamodbStorage:
        """Open the store that the URL names.

        Raises OptionError for an option that cannot be used, SchemaError where the table is missing (`create` makes
        it) or of a version that this client does not work with, Unavailable where DynamoDB cannot be reached.
        """
        chosen = understood(url, options)
        connection = Connection(chosen)
        table = Table(chosen.table, chosen.namespace, connection.calls)
        try:
            if chosen.create and _record(table) is None:
                migrate(connection.calls, table, chosen.throughput)
            check(_record(table), described(chosen))
        except BaseException:
            table.close()
            raise
        return DynamodbStorage(table, described(chosen))

    def migrate(self, url: str, **options: object) -> MigrationReport:
        """Make the table, or what is missing of it; what is there already stays. Several processes may call it."""
        chosen = understood(url, options)
        connection = Connection(chosen)
        try:
            return migrate(connection.calls, Table(chosen.table, chosen.namespace, connection.calls), chosen.throughput)
        finally:
            connection.calls.close()

    def migration_sql(self, url: str, **options: object) -> str:
        """A CloudFormation template that makes the table, for somebody else to deploy. Connects to nothing.

        `migrate` must run once afterwards: it makes nothing then, but leaves the record that clients look for.
        """
        chosen = understood(url, options)
        return cloudformation(chosen.table, chosen.throughput)

    def terraform(self, url: str, **options: object) -> str:
        """The same for Terraform."""
        chosen = understood(url, options)
        return terraform(chosen.table, chosen.throughput)

    def grants(self, url: str, role: str, *, purging: bool = False, **options: object) -> str:
        """An IAM policy, as JSON, that lets the role do what workers and operators do.

        That is everything but migrations and purges; `purging`: purges too. Connects to nothing. Raises OptionError
        for what cannot be a role.
        """
        return policy(understood(url, options), role, purging=purging)


def _record(table: Table) -> Item | None:
    """The record of the schema, or None where there is none or no table."""
    try:
        return table.get(SCHEMA_KEY)
    except SchemaError:
        return None


open_dynamodb = Plugin()
"""Opens `dynamodb://` URLs; options: see `DynamodbOptions`."""
