"""The table as CloudFormation and Terraform make it."""

from __future__ import annotations

import json
from typing import cast

from squidie_storage_dynamodb.schema import ATTRIBUTES, INDEXES, KEY, TTL_ATTRIBUTE, Index, Throughput, definition

_WIDTH = 100


def cloudformation(table: str, throughput: Throughput | None) -> str:
    """A template, as JSON."""
    resource = {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            **definition(table, throughput),
            "TimeToLiveSpecification": {"AttributeName": TTL_ATTRIBUTE, "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
    }
    return _json({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"SquidieTable": resource}}) + "\n"


def _json(value: object, indent: str = "") -> str:
    """On one line where that is short enough to read."""
    line = json.dumps(value)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    inner = indent + "  "
    if isinstance(value, list):
        lines = [inner + _json(one, inner) for one in cast("list[object]", value)]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [
        f"{inner}{json.dumps(name)}: {_json(one, inner)}" for name, one in cast("dict[str, object]", value).items()
    ]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def terraform(table: str, throughput: Throughput | None) -> str:
    """A resource in HCL."""
    (hash_key, _), (range_key, _) = KEY
    settings = [
        ("name", f'"{table}"'),
        ("billing_mode", '"PAY_PER_REQUEST"' if throughput is None else '"PROVISIONED"'),
        *_hcl_throughput(throughput),
        ("hash_key", f'"{hash_key}"'),
        ("range_key", f'"{range_key}"'),
    ]
    lines = ['resource "aws_dynamodb_table" "squidie" {', *_hcl(settings, "  ")]
    for name, kind in ATTRIBUTES.items():
        lines += ["", "  attribute {", *_hcl([("name", f'"{name}"'), ("type", f'"{kind}"')], "    "), "  }"]
    for index in INDEXES:
        lines += ["", "  global_secondary_index {", *_hcl(_hcl_index(index, throughput), "    "), "  }"]
    lines += ["", "  ttl {", *_hcl([("attribute_name", f'"{TTL_ATTRIBUTE}"'), ("enabled", "true")], "    "), "  }"]
    lines += ["", "  point_in_time_recovery {", "    enabled = true", "  }"]
    lines += ["", "  lifecycle {", "    prevent_destroy = true", "  }", "}"]
    return "\n".join(lines) + "\n"


def _hcl_index(index: Index, throughput: Throughput | None) -> list[tuple[str, str]]:
    (hash_key, _), (range_key, _) = index.key
    settings = [
        ("name", f'"{index.name}"'),
        ("hash_key", f'"{hash_key}"'),
        ("range_key", f'"{range_key}"'),
        ("projection_type", '"INCLUDE"' if index.holds else '"KEYS_ONLY"'),
    ]
    if index.holds:
        held = ", ".join(f'"{name}"' for name in index.holds)
        settings.append(("non_key_attributes", f"[{held}]"))
    return settings + _hcl_throughput(throughput)


def _hcl_throughput(throughput: Throughput | None) -> list[tuple[str, str]]:
    if throughput is None:
        return []
    return [("read_capacity", str(throughput.read)), ("write_capacity", str(throughput.write))]


def _hcl(settings: list[tuple[str, str]], indent: str) -> list[str]:
    """Aligned, as Terraform's formatter has it."""
    width = max(len(name) for name, _ in settings)
    return [f"{indent}{name:{width}} = {value}" for name, value in settings]
