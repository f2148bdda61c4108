"""Types of configured values, in the environment and in a store's table.

Each type removes the whitespace around a value and brings it to its canonical form, or refuses it and says what it should be.
No message contains the value, because it may be a secret.
"""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, SecretStr

from webhook_kit.redis_address import canonical_address

__all__ = [
    "Credential",
    "EncryptionKey",
    "GettId",
    "HeaderSecret",
    "JsonTable",
    "ModuleMember",
    "NonEmptyText",
    "RedisAddress",
    "Secret",
    "StoreId",
    "Text",
    "WebAddress",
    "ZoneName",
    "plain_text",
    "stripped",
    "unquoted",
]

_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»"}
_WEB = "should be a web address such as https://pos.example.org, without user, query and fragment"
_LONGEST_ID = 200
_KEY_BYTES = 32
_DEEPEST = 32


def unquoted(value: str) -> str:
    """Return a text without the whitespace around it.

    :raises ValueError: it is in quotation marks: some tools pass those of an environment file on.
    """
    value = value.strip()
    if len(value) > 1 and _QUOTES.get(value[0]) == value[-1]:
        raise ValueError("is in quotation marks; write the value without them")
    return value


def plain_text(value: str) -> str:
    """Return a text of printable characters without the whitespace around it.

    :raises ValueError: it is in quotation marks, or has a line break or an invisible character.
    """
    value = unquoted(value)
    _require_printable(value)
    return value


def _require_printable(value: str) -> None:
    for character in value:
        if not character.isprintable():
            raise ValueError(f"contains a line break or an invisible character (U+{ord(character):04X}); remove it")


def stripped(value: Any, *, depth: int = 0) -> Any:
    """Return a value in which no text and no name at any depth has whitespace around it.

    :raises ValueError: it has a number that is not finite, or a name that is empty, or nests too deeply.
    """
    if depth > _DEEPEST:
        raise ValueError(f"nests deeper than {_DEEPEST}")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("contains a number that is not finite (nan, inf); write a number")
    if isinstance(value, dict):
        return {_stripped_name(name): stripped(each, depth=depth + 1) for name, each in value.items()}
    return [stripped(each, depth=depth + 1) for each in value] if isinstance(value, list) else value


def _stripped_name(name: str) -> str:
    if not name.strip():
        raise ValueError("contains a value without a name")
    return name.strip()


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    return value


def _secret(value: SecretStr) -> SecretStr:
    return SecretStr(_not_empty(plain_text(value.get_secret_value())))


def _credential(value: SecretStr) -> SecretStr:
    text = _not_empty(unquoted(value.get_secret_value()))
    for line in text.splitlines():
        _require_printable(line)
    return SecretStr(text)


def _header(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isascii():
        raise ValueError("contains a character that an HTTP header cannot carry; copy it again")
    return value


def _encryption_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        # Heroku generates 64 hexadecimal digits, Render base64 of the other alphabet.
        if len(text) == 2 * _KEY_BYTES:
            key = bytes.fromhex(text)
        else:
            key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError(
            "contains an invalid Fernet key; create one with `webhook-kit stores generate-key`, or write 64 hexadecimal digits"
        )
    return SecretStr(base64.urlsafe_b64encode(key).decode())


def _store_id(value: str) -> str:
    value = _not_empty(plain_text(value))
    if len(value) > _LONGEST_ID:
        raise ValueError(f"should have at most {_LONGEST_ID} characters")
    return value


def _gett_id(value: str) -> str:
    value = plain_text(value)
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError(
            "should be the store's id at Gett, a UUID such as 5b0c8f5e-0d3c-4d58-9d0e-0a4a3f0f7c11"
        ) from None


def _zone(value: str) -> str:
    value = plain_text(value)
    try:
        if not value.startswith(("posix", "right/", "localtime", "Factory")):  # files beside the zones, and no zones
            return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    for name in available_timezones():
        if name.lower() == value.lower().replace(" ", "_"):
            return name
    raise ValueError("is not a valid IANA time zone (example: America/New_York)")


def _module_member(value: str) -> str:
    if not re.fullmatch(r"\w+(\.\w+)*:\w+", value):
        raise ValueError("should be of the form module:name, as in my_pos.stores:OurStores")
    return value


def _web_address(value: str) -> str:
    value = plain_text(value)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_WEB) from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[@?#\s\\]", value):
        raise ValueError(_WEB)
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def _table(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        table = json.loads(unquoted(value), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError('is not a valid JSON object (example: {"terminal": "3"})') from None
    if isinstance(table, dict) and (nulls := [name for name, each in table.items() if each is None]):
        raise ValueError(f"{', '.join(nulls)}: null is not a value; leave it out")
    return table


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


Text = Annotated[str, AfterValidator(plain_text)]
"""One line of printable text."""
NonEmptyText = Annotated[Text, AfterValidator(_not_empty)]
"""One line of printable text, not empty."""
Secret = Annotated[SecretStr, AfterValidator(_secret)]
"""Text that is never shown."""
Credential = Annotated[SecretStr, AfterValidator(_credential)]
"""Secret of a POS, of one line or several: a private key has several."""
HeaderSecret = Annotated[Secret, AfterValidator(_header)]
"""Secret that is sent in a header of HTTP."""
EncryptionKey = Annotated[Secret, AfterValidator(_encryption_key)]
"""Fernet key; also given as 32 bytes in base64 of either alphabet, or as 64 hexadecimal digits."""
StoreId = Annotated[str, AfterValidator(_store_id)]
"""The partner's own id of a store."""
GettId = Annotated[str, AfterValidator(_gett_id)]
"""Gett's id of a store: a UUID in its canonical form (``gett-protocol.md``, introduction)."""
ZoneName = Annotated[str, AfterValidator(_zone)]
"""Name of an IANA time zone."""
ModuleMember = Annotated[str, AfterValidator(_module_member)]
"""Class or function, as ``module:name``."""
WebAddress = Annotated[str, AfterValidator(_web_address)]
"""Address with the scheme http or https, without a slash at its end."""
RedisAddress = Annotated[Text, AfterValidator(canonical_address)]
"""Address of Redis: of a server, of sentinels, or of nodes of a cluster."""
JsonTable = BeforeValidator(_table)
"""Table that may be given as the text of a JSON object."""
