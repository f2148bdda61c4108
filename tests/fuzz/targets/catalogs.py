"""Catalogs: the bytes that ``webhook-kit catalog check`` and the sync read, and the texts of which catalogs are built."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.fuzz.oracle import Fault, Target
from tests.fuzz.surroundings import Surroundings
from webhook_kit.catalog.check import Severity, check_bytes
from webhook_kit.catalog.clean_text import clean_text
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.diff import diff
from webhook_kit.catalog.unavailable import remove_items
from webhook_kit.catalog.written_hours import parse_hours
from webhook_kit.catalog.written_prices import parse_price
from webhook_kit.errors import InvalidArgument
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.texts import decode_file

__all__ = ["NAMES", "targets"]

NAMES = ("catalog", "hours", "price", "text")

_LONGEST_FINDING = 2_000
_CATALOG = bogus_catalog()


def targets(_surroundings: Surroundings) -> Iterator[Target]:
    """Yield the targets of this module."""
    yield Target("catalog", _catalog, (ValueError,), answer_per_byte=400)
    yield Target("hours", _hours, (InvalidArgument,))
    yield Target("price", _price, (InvalidArgument,))
    yield Target("text", _text)


def _catalog(data: bytes) -> int:
    catalog, findings = check_bytes(decode_file(data).encode())
    for finding in findings:
        if len(str(finding)) > _LONGEST_FINDING:
            raise Fault(f"a finding of {len(str(finding))} characters: {str(finding)[:200]}")
    shown = len(json.dumps([finding.to_wire() for finding in findings], ensure_ascii=False).encode())
    if catalog is None:
        return shown
    diff(_CATALOG, catalog)
    if not any(finding.severity is Severity.ERROR for finding in findings):
        CompiledCatalog.compile(catalog)
        remove_items(catalog, list(catalog.items)[:1])
        if check_bytes(catalog.to_json())[0] is None:
            raise Fault("a catalog without errors cannot be read after it was written")
    return shown


def _hours(data: bytes) -> None:
    value = _value(data)
    parse_hours(value)
    parse_hours(value, day_numbers="sunday0")


def _price(data: bytes) -> None:
    value = _value(data)
    for cents, separator, rounding in product((False, True), (None, ","), (None, "ROUND_HALF_UP")):
        try:
            parse_price(value, cents=cents, decimal_separator=separator, rounding=rounding)
        except InvalidArgument:
            continue


def _text(data: bytes) -> int:
    value = _value(data)
    cleaned = [clean_text(value, language=language, lines=bool(language)) for language in (None, "en-US")]
    return max(len(text.encode()) for text in cleaned)


def _value(data: bytes) -> Any:
    """Return the data of a POS: of JSON, or a text."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "surrogateescape")
