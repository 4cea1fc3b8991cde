"""Storage URLs: `dynamodb://table?region=eu-central-1&namespace=orders`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from squidie_storage_dynamodb.options import IN_URL, DynamodbOptions, check_names, merged, option_error

_FORM = "dynamodb://table?region=eu-central-1"


def understood(url: str, given: Mapping[str, object]) -> DynamodbOptions:
    """What the URL and the options beside it say. Raises OptionError."""
    check_names(given, IN_URL)
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except (ValueError, TypeError, AttributeError):
        raise option_error("url", f"not a URL of the form {_FORM}") from None
    if "@" in parts.netloc:
        raise option_error(
            "url", f"credentials do not belong into it; AWS's own configuration has them. The form is {_FORM}"
        )
    if parts.scheme != "dynamodb" or not parts.netloc or parts.path not in ("", "/") or parts.fragment:
        raise option_error("url", f"not a URL of the form {_FORM}")
    in_url = dict(pairs)
    check_names(in_url, IN_URL)
    for name in in_url:
        if sum(other == name for other, _ in pairs) > 1:
            raise option_error(name, "given more than once in the URL")
    options = merged(in_url, given)
    return DynamodbOptions(table=unquote(parts.netloc), **options)  # type: ignore[arg-type]  # the validators see to it


def described(options: DynamodbOptions) -> str:
    """The URL without what only this client needs to know."""
    said = {"region": options.region, "endpoint": options.endpoint}
    query = "&".join(f"{name}={quote(value, safe=':/')}" for name, value in said.items() if value)
    return f"dynamodb://{options.table}" + (f"?{query}" if query else "")
