"""Lua scripts: files beside the module that calls them, with named arguments. Each call is one transaction in Redis.

A script sees

* ``KEYS``: the keys that the call declares, at least one;
* ``args``: the call's named arguments. They travel as one MessagePack value, because JSON cannot hold bytes;
* ``keys``: the names that :class:`~webhook_kit.storage.keys.Keys` builds: ``keys.ready`` is a key, ``keys.lane .. lane`` too;
* not the last key of each call, which never exists: while the hash slot moves key by key to another node of a cluster, its node
  refuses a script with a key that is missing, before the script begins. Otherwise it would end at the first key that has gone;
* ``FORMAT``: the form in which it writes orders (:mod:`webhook_kit.storage.formats`);
* the functions of ``storage/base.lua``, and of every file that it includes: ``--- @include "webhook_kit.outbox/lanes"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, Protocol

import redis

from webhook_kit.storage import formats
from webhook_kit.storage.formats import newer_format_of
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable, pack

__all__ = ["Commands", "Script", "load"]

_INCLUDE = re.compile(r'^--- @include "(?P<name>[\w.]+/\w+)"$', re.MULTILINE)
_COMMENT = re.compile(r"--.*")
_KEY = re.compile(r"\bkeys\.(\w+)")


class Commands(Protocol):
    """Sends a command and returns its reply, as a client does."""

    def execute_command(self, *words: Any) -> Any:
        """Send a command and return the reply."""


class Script:
    """A Lua script of the package, ready to be called.

    :param name: package and file: ``webhook_kit.outbox/append`` for ``append.lua`` in ``webhook_kit/outbox``.
    """

    def __init__(self, connection: Commands, keys: Keys, name: str) -> None:
        self._redis = connection
        self._source = load(name)
        self._digest = sha1(self._source.encode(), usedforsecurity=False).hexdigest()
        self._prefix, self._missing = keys.prefix, keys.missing

    def __call__(self, key: str, /, *more_keys: str, **arguments: Packable) -> Any:
        """Run the script. Its source is sent only if Redis does not know its digest, as after a restart.

        :param key: the first of ``KEYS``, ``more_keys`` are the others.
        :param arguments: the fields of ``args``; None is nil.
        :raises NewerFormat: the script has met a record of a later version.
        """
        try:
            return self._run(key, *more_keys, **arguments)
        except redis.ResponseError as error:
            subject = str(arguments.get("ref") or arguments.get("lane") or key)
            if newer := newer_format_of(error, subject):
                raise newer from error
            raise

    def _run(self, key: str, /, *more_keys: str, **arguments: Packable) -> Any:
        call = (2 + len(more_keys), key, *more_keys, self._missing, pack({"prefix": self._prefix, **arguments}))
        try:
            return self._redis.execute_command("EVALSHA", self._digest, *call)
        except redis.exceptions.NoScriptError:
            return self._redis.execute_command("EVAL", self._source, *call)


@cache
def load(name: str) -> str:
    """Return the source of a script: arguments, names of keys, the base library, what it includes, and itself.

    :raises AttributeError: when it uses a key that :class:`~webhook_kit.storage.keys.Keys` does not build.
    """
    body = "\n".join(_sources(name, set()))
    used = sorted(set(_KEY.findall(_COMMENT.sub("", body))))
    return "\n".join(
        [
            "local args = cmsgpack.unpack(ARGV[1]) KEYS[#KEYS] = nil",
            f"local FORMAT = {formats.ORDER}",
            Keys.lua_table(used),
            _read("webhook_kit.storage/base"),
            body,
        ]
    )


def _sources(name: str, loaded: set[str]) -> Iterator[str]:
    source = _read(name)
    loaded.add(name)
    for included in _INCLUDE.findall(source):
        if included not in loaded:
            yield from _sources(included, loaded)
    yield source


def _read(name: str) -> str:
    package, _, file = name.partition("/")
    return (files(package) / f"{file}.lua").read_text(encoding="utf-8")
