"""Squidie's journals in DynamoDB."""

from squidie_storage_dynamodb.options import DynamodbOptions
from squidie_storage_dynamodb.plugin import Plugin, open_dynamodb
from squidie_storage_dynamodb.schema import MigrationReport
from squidie_storage_dynamodb.storage import DynamodbStorage

__all__ = [
    "DynamodbOptions",
    "DynamodbStorage",
    "MigrationReport",
    "Plugin",
    "open_dynamodb",
]
