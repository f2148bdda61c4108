"""Types of configured values: every value is brought to its canonical form, or refused with what it should be."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from webhook_kit.fields import (
    Credential,
    EncryptionKey,
    GettId,
    HeaderSecret,
    ModuleMember,
    RedisAddress,
    Secret,
    StoreId,
    Text,
    WebAddress,
    ZoneName,
)

ID = "5b0c8f5e-0d3c-4d58-9d0e-0a4a3f0f7c11"


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        (GettId, ID.upper(), ID),
        (GettId, f" {{{ID}}}\n", ID),
        (GettId, ID.replace("-", ""), ID),
        (Text, "  Café\n", "Café"),
        (StoreId, "main street ", "main street"),
        (ZoneName, "america/new york", "America/New_York"),
        (ZoneName, " UTC\n", "UTC"),
        (WebAddress, "HTTPS://POS.example.org/Path/\n", "https://pos.example.org/Path"),
        (WebAddress, "http://[::1]:8080", "http://[::1]:8080"),
        (RedisAddress, " REDISS://:pass@host:6380/0\n", "rediss://:pass@host:6380/0"),
        (RedisAddress, "Redis+Cluster://user:pw@a:1,b", "redis+cluster://user:pw@a:1,b"),
        (RedisAddress, "rediss+cluster://a,b:2/0", "rediss+cluster://a,b:2/0"),
        (RedisAddress, "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        (ModuleMember, "a.b:C", "a.b:C"),
    ],
)
def test_value_is_brought_to_its_canonical_form(kind: Any, value: str, canonical: str) -> None:
    assert TypeAdapter(kind).validate_python(value) == canonical


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        (GettId, "main-street", "should be the store's id at Gett, a UUID"),
        (GettId, "", "should be the store's id at Gett"),
        (Text, '"Da Marco"', "is in quotation marks"),
        (Text, "two\nlines", "line break or an invisible character (U+000A)"),
        (Text, "﻿name", "invisible character (U+FEFF)"),
        (StoreId, " ", "is empty"),
        (StoreId, "s" * 201, "at most 200 characters"),
        (ZoneName, "posixrules", "is not a valid IANA time zone"),
        (ZoneName, "right/Europe/Berlin", "is not a valid IANA time zone"),
        (WebAddress, "pos.example.org", "should be a web address such as https://pos.example.org"),
        (WebAddress, "ftp://pos.example.org", "should be a web address"),
        (WebAddress, "https://", "should be a web address"),
        (WebAddress, "https://pos.example.org/?a=b", "without user, query and fragment"),
        (WebAddress, "https://me:hidden@pos.example.org", "without user, query and fragment"),
        (WebAddress, "https://pos.example.org:port", "should be a web address"),
        (WebAddress, "https://pos.exam ple.org", "should be a web address"),
        (WebAddress, "https://pos.example.org/a\nb", "line break"),
        (RedisAddress, "http://host", "should be an address such as rediss://"),
        (RedisAddress, "redis://:6379", "should be an address such as rediss://"),
        (RedisAddress, "redis://host:99999/0", "should be an address such as rediss://"),
        (RedisAddress, "redis+cluster://a,,b", "should be an address such as rediss://"),
        (RedisAddress, "redis+cluster://a/1", "should name no database but 0"),
        (RedisAddress, "redis+sentry://a", "should be an address such as rediss://"),
        (RedisAddress, "redis://host:6379/main", "the number of a database"),
        (ModuleMember, "module.Class", "should be of the form module:name"),
    ],
)
def test_value_that_cannot_work_is_refused_with_what_it_should_be(kind: Any, value: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    assert complaint in caught.value.errors()[0]["msg"]
    assert "hidden" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("kind", [Secret, HeaderSecret, Credential])
def test_secret_is_stripped_and_refused_without_being_shown(kind: Any) -> None:
    def parse(value: str) -> str:
        secret: SecretStr = TypeAdapter(kind).validate_python(value)
        return secret.get_secret_value()

    assert parse(" hidden\r\n") == "hidden"
    for value, complaint in (('"hidden"', "quotation marks"), ("hid\u200bden", "U+200B"), (" ", "is empty")):
        with pytest.raises(ValidationError) as caught:
            parse(value)
        assert complaint in caught.value.errors()[0]["msg"]
        assert "hid" not in caught.value.errors()[0]["msg"]


def test_credential_may_have_several_lines_and_a_header_carries_ascii_alone() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
    assert TypeAdapter(Credential).validate_python(f"{key}\n").get_secret_value() == key
    for kind, value in ((Secret, key), (HeaderSecret, "schlüssel")):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value)


KEY = "-_" * 21 + "8="
"""Fernet key, as ``webhook-kit stores generate-key`` prints it: bytes in base64 of the alphabet for URLs."""
HEX = base64.urlsafe_b64decode(KEY).hex()
"""The same key in hexadecimal digits, as Heroku generates one."""


@pytest.mark.parametrize("written", [KEY, KEY.replace("-", "+").replace("_", "/"), HEX, HEX.upper()])
def test_key_that_a_platform_generates_is_the_same_fernet_key(written: str) -> None:
    assert TypeAdapter(EncryptionKey).validate_python(written).get_secret_value() == KEY


@pytest.mark.parametrize("written", ["secret", "f" * 63, "f" * 66, "g" * 64, f"{KEY}!", KEY[:-4], "é" * 32])
def test_no_other_text_is_an_encryption_key(written: str) -> None:
    with pytest.raises(ValidationError, match="invalid Fernet key") as caught:
        TypeAdapter(EncryptionKey).validate_python(written)
    assert written not in caught.value.errors()[0]["msg"]
