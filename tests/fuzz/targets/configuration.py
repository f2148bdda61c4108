"""Texts that the people who run an installation write: environment, stores file, addresses, values on the command line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import click
from pydantic import ConfigDict, TypeAdapter

from tests.fuzz.mutation import split
from tests.fuzz.oracle import Fault, Target
from tests.fuzz.surroundings import Surroundings
from webhook_kit.cli.json_path import assign
from webhook_kit.cli.trigger_body import read_body, schema_of
from webhook_kit.errors import ConfigurationError
from webhook_kit.fields import RedisAddress
from webhook_kit.printing import printable, without_secrets
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import connect
from webhook_kit.stores.file import FileStores

__all__ = ["NAMES", "targets"]

NAMES = ("environment", "redis_address", "stores_file", "command_line", "printing")

_SHORTEST = 8
"""Characters of a secret at least: a shorter one may be in a message by chance."""
_PASSWORD = re.compile(r"://[^/@]*:([^/@]+)@")
_SECRETS = re.compile(r"(GETT_API_KEY|GETT_WEBHOOK_\w+|STORE_CREDENTIALS|\w*(SECRET|TOKEN|KEYS?|PASSWORD)\w*)")
_REDIS_ADDRESS: TypeAdapter[str] = TypeAdapter(RedisAddress, config=ConfigDict(hide_input_in_errors=True))
_SCHEMA = schema_of("placeOrder")


def targets(surroundings: Surroundings) -> Iterator[Target]:
    """Yield the targets of this module."""
    for name, run, most in (
        ("environment", _environment, 100_000),
        ("redis_address", _redis_address, 100_000),
        ("stores_file", partial(_stores_file, surroundings), 1_000_000),
    ):
        yield Target(name, run, (ConfigurationError,), most=most, per_byte=20, shown_to_author=True)
    run = partial(_command_line, surroundings)
    yield Target("command_line", run, (click.BadParameter,), parts=2, shown_to_author=True)
    yield Target("printing", _printing)


def _environment(data: bytes) -> None:
    """Read settings from variables, one on each line, and prepare the connection to Redis."""
    lines = data.decode("utf-8", "surrogateescape").replace("\0", "").split("\n")
    pairs = (line.partition("=") for line in lines)
    variables = {name: value for name, _, value in pairs if name}
    secrets = [part for name, value in variables.items() if _SECRETS.fullmatch(name) for part in value.split(",")]
    passwords = [password for value in variables.values() for password in _PASSWORD.findall(value)]
    with patch.dict(os.environ, variables, clear=True), _concealed("\n".join(lines), *secrets, *passwords):
        connect(Settings.from_env())


@contextmanager
def _concealed(text: str, *secrets: str) -> Iterator[None]:
    """Raise a fault when the message of an error repeats a secret that the text has nowhere else."""
    try:
        yield
    except (ConfigurationError, ValueError) as error:
        for secret in secrets:
            if len(secret) >= _SHORTEST and secret in str(error) and text.count(secret) == 1:
                raise Fault(f"a message repeats a secret: {str(error)[:300]}") from error
        raise


def _redis_address(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        with _concealed(text, *_PASSWORD.findall(text)):
            address = _REDIS_ADDRESS.validate_python(text)
    except ValueError:
        return
    if _REDIS_ADDRESS.validate_python(address) != address:
        raise Fault("the canonical address is not canonical")
    with _concealed(text, *_PASSWORD.findall(text)):
        connect(Settings(redis_url=address, key_prefix="{f}:"))


def _stores_file(surroundings: Surroundings, data: bytes) -> None:
    file = surroundings.folder / "fuzzed.toml"
    file.write_bytes(data)
    try:
        content = tomllib.loads(data.decode())
        secrets = [each for table in content["stores"].values() for each in table["credentials"].values()]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        secrets = []
    with _concealed(data.decode(errors="replace"), *filter(lambda each: isinstance(each, str), secrets)):
        stores = list(FileStores(file))
    for store in stores:
        if not (store.id and store.id.isprintable()):
            raise Fault(f"a store with the id {store.id!r}")


def _command_line(surroundings: Surroundings, data: bytes) -> None:
    """Read a body from a file, and set a place in it."""
    assignment, body = split(data, 2)
    file = surroundings.folder / "body.json"
    file.write_bytes(body)
    document = read_body(file) if body else {"cart": {"lineItems": [{"itemId": "cola"}]}}
    assign(document, assignment.decode("utf-8", "surrogateescape"), _SCHEMA)


def _printing(data: bytes) -> int:
    shown = printable(without_secrets(data.decode("utf-8", "surrogateescape")))
    if any(not each.isprintable() and each not in "\n\t" and ord(each) < 0xA0 for each in shown):
        raise Fault("a control character reaches the terminal")
    return len(shown.encode())
