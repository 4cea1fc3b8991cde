"""What a role needs that runs Squidie and owns nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from squidie_storage_dynamodb.options import DynamodbOptions, option_error
from squidie_storage_dynamodb.schema import INDEXES

_ROLE = re.compile(r"(?:arn:(aws[a-z-]*):iam::(\d{12}):role/)?[\w+=,.@/-]{1,512}")

ACTIONS = ("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")
"""What workers and operators need. A transaction needs the rights for each of its actions."""

PURGING_ACTIONS = (*ACTIONS, "BatchWriteItem", "DeleteItem")
"""What purging needs."""


def policy(options: DynamodbOptions, role: str, *, purging: bool) -> str:
    """A policy document for the role, as JSON: items of the namespace, nothing else, and no change of the table.

    A role given by its ARN limits it to the table of the role's account. Raises OptionError for what is no role.
    """
    match = _ROLE.fullmatch(role)
    if match is None:
        raise option_error("role", "must be the name of an IAM role, or its ARN")
    partition, account = match[1] or "aws", match[2] or "*"
    table = f"arn:{partition}:dynamodb:{options.region or '*'}:{account}:table/{options.table}"
    document: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "SquidieItems",
                "Effect": "Allow",
                "Action": [f"dynamodb:{action}" for action in (PURGING_ACTIONS if purging else ACTIONS)],
                "Resource": [table, *(f"{table}/index/{index.name}" for index in INDEXES)],
                "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{options.namespace}/*"]}},
            },
            {
                "Sid": "SquidieSchema",
                "Effect": "Allow",
                "Action": ["dynamodb:GetItem"],
                "Resource": [table],
                "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["/schema"]}},
            },
        ],
    }
    return json.dumps(document, indent=2) + "\n"
