"""Data of the benchmark of many orders: one order or job is made by the real code, and copied with new ids as often as needed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import redis

__all__ = ["copy_each"]


def copy_each(connection: redis.Redis, ids: Sequence[str], copies: int) -> list[list[str]]:
    """Copy everything in Redis that names one of these ids: whole keys, members of sorted sets, and entries of streams.

    The commands go as one text of Redis's protocol, in which the ids are replaced by others of the same length.

    :return: the ids of each copy, in the same order.
    """
    olds = [one.encode() for one in ids]
    commands = list(_commands(connection, olds))
    template = b"".join(map(_packed, commands))
    keys_before, new_keys = connection.dbsize(), {key for _, key, *_ in commands if any(one in key for one in olds)}
    address = connection.connection_pool.connection_kwargs
    made = []
    with socket.create_connection((address["host"], address["port"])) as server:
        server.sendall(_packed([b"CLIENT", b"REPLY", b"OFF"]))
        for _ in range(copies):
            new = [os.urandom(len(one)).hex()[: len(one)] for one in ids]
            text = template
            for old, other in zip(olds, new, strict=True):
                text = text.replace(old, other.encode())
            server.sendall(text)
            made.append(new)
        server.sendall(_packed([b"CLIENT", b"REPLY", b"ON"]))
        assert server.recv(64) == b"+OK\r\n"
    added = connection.dbsize() - keys_before
    assert added == copies * len(new_keys), f"{added} keys were added instead of {copies * len(new_keys)}"
    return made


def _packed(command: Sequence[bytes]) -> bytes:
    return b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in command)


def _commands(connection: Any, ids: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield the commands that write again what names one of the ids."""
    for key in list(connection.scan_iter(count=1_000)):
        kind, named = connection.type(key), any(one in key for one in ids)
        if kind == b"zset":
            for member, score in connection.zrange(key, 0, -1, withscores=True):
                if named or any(one in member for one in ids):
                    yield [b"ZADD", key, b"%.3f" % score, member]
        elif kind == b"stream" and not named:
            for _, fields in connection.xrange(key):
                if any(one in value for one in ids for value in fields.values()):
                    yield [b"XADD", key, b"*", *(part for pair in fields.items() for part in pair)]
        elif named:
            yield from _whole(connection, key, kind)
            if (ttl := connection.pttl(key)) > 0:
                yield [b"PEXPIRE", key, b"%d" % ttl]


def _whole(connection: Any, key: bytes, kind: bytes) -> Iterator[list[bytes]]:
    if kind == b"string":
        yield [b"SET", key, connection.get(key) or b""]
    elif kind == b"hash":
        yield [b"HSET", key, *(part for pair in connection.hgetall(key).items() for part in pair)]
    elif kind == b"list":
        yield [b"RPUSH", key, *connection.lrange(key, 0, -1)]
    elif kind == b"stream":
        for entry, fields in connection.xrange(key):
            yield [b"XADD", key, entry, *(part for pair in fields.items() for part in pair)]
    else:
        raise AssertionError(f"{key!r} is a {kind!r}, which is not copied")
