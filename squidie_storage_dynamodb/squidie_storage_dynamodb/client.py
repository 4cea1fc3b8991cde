"""boto3's client, as this adapter wants it."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError, ProfileNotFound
from botocore.loaders import Loader

from squidie_core.adapters.scrubbing import Scrubber
from squidie_core.errors import Unavailable
from squidie_storage_dynamodb.calls import Calls, Client
from squidie_storage_dynamodb.options import DynamodbOptions, option_error


@cache
def _loader() -> Loader:
    """Reads descriptions of services, which takes most of the time that making a client does."""
    return Loader(extra_search_paths=None)


def _session(options: DynamodbOptions) -> boto3.session.Session:
    """Of the connection's own, because credentials and configuration may differ from one to the next."""
    underlying = botocore.session.Session(profile=options.profile)
    underlying.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=underlying, region_name=options.region)


class Connection:
    """A client of one table, and what it knows of its credentials."""

    def __init__(self, options: DynamodbOptions) -> None:
        try:
            session = _session(options)
            client: Any = session.client(
                "dynamodb",
                endpoint_url=options.endpoint,
                config=Config(
                    connect_timeout=options.connect_timeout / 1000,
                    read_timeout=options.read_timeout / 1000,
                    max_pool_connections=options.pool_size,
                    retries={"total_max_attempts": 1, "mode": "standard"},  # `Calls` sends again
                    parameter_validation=False,  # a fifth of the work of a request
                    tcp_keepalive=True,
                ),
            )
        except NoRegionError:
            raise option_error(
                "region", "there is none in the URL, and none in AWS's configuration; add ?region= to the URL"
            ) from None
        except ProfileNotFound:
            raise option_error("profile", "AWS's configuration has no such profile") from None
        except (BotoCoreError, ValueError) as error:
            raise Unavailable(f"DynamoDB cannot be used: {type(error).__name__}") from None
        self.client = client
        self._session = session
        self.calls = Calls(
            cast("Client", client), self._scrubber, retry_for=options.retry_for / 1000, parallel=options.pool_size
        )

    def _scrubber(self) -> Scrubber:
        """Masks the credentials that are in use now."""
        try:
            credentials = self._session.get_credentials()
        except BotoCoreError:
            credentials = None
        if credentials is None:
            return Scrubber([])
        frozen = credentials.get_frozen_credentials()
        return Scrubber(filter(None, (frozen.access_key, frozen.secret_key, frozen.token)))
