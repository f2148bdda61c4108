"""Redis Cluster: one hash slot holds all keys of an installation, and its connections follow the slot from node to node.

With ``KEY_PREFIX={wk}:`` every key lies in the slot of ``wk``, so that transactions, scripts, blocking commands and RQ work as on a
single server. A client that spreads keys over several nodes is not needed, and RQ supports none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from webhook_kit.errors import ConfigurationError
from webhook_kit.storage.pool import Address

__all__ = ["ClusterNodes", "one_slot_advice", "require_one_slot"]

_TAG = re.compile(r"[^{]*\{([^}]+)\}")
"""The part of a key that decides on its slot; the group is the tag."""


class ClusterNodes:
    """The nodes of a cluster, and which one serves the slot of a key. Threads share it without a lock.

    :param named: addresses of some nodes; the others are learned from these.
    :param key: any key of the slot.
    :param ask: sends a command to an address over a connection apart, and returns the reply.
    """

    verify_role = False  # a replica answers every command with MOVED

    def __init__(self, named: Sequence[Address], key: str, ask: Callable[..., Any]) -> None:
        self._named, self._nodes, self._ask = tuple(named), list(named), ask
        self._slot = key_slot(key.encode())
        self._serving: Address | None = None

    def address(self) -> Address:
        """Return the address of the node that serves the slot, and ask for it if it is not known.

        :raises redis.ConnectionError: no node knows one.
        """
        return self._serving or self._locate()

    def leave(self, address: Address, error: Exception) -> None:
        """Take notice that this node cannot be reached or does not serve the slot; its error may name another one."""
        if isinstance(error, MovedError):
            self._serving = error.host or address[0], error.port
        elif self._serving == address:
            self._serving = None

    def _locate(self) -> Address:
        failure: redis.RedisError | None = None
        for node in self._nodes:
            # Each time another one begins: one that is cut off from the others may have missed a fail-over.
            self._nodes = [each for each in self._nodes if each != node] + [node]
            try:
                ranges = self._ask(node, "CLUSTER", "SLOTS")
            except redis.RedisError as error:
                failure = error
                continue
            found = [(first, last, _addresses(nodes, node)) for first, last, *nodes in ranges]
            learned = {address: None for _, _, addresses in found for address in addresses}
            kept = [each for each in self._nodes if each in learned or each in self._named]
            self._nodes = [each for each in dict.fromkeys([*kept, *learned]) if each != node] + [node]
            for first, last, addresses in found:
                if first <= self._slot <= last:
                    self._serving = addresses[0]
                    return addresses[0]
        raise redis.ConnectionError(f"no node of the cluster serves slot {self._slot} ({failure})") from failure


def _addresses(nodes: Sequence[Any], told_by: Address) -> list[Address]:
    """Return the addresses in an entry of ``CLUSTER SLOTS``, the primary first. A node may leave out its host."""
    return [(host.decode() if host else told_by[0], port) for host, port, *_ in nodes]


def require_one_slot(prefix: str) -> None:
    """Check that all keys lie in one hash slot.

    :raises ConfigurationError: with the lines to set.
    """
    tag = _tag(prefix)
    if tag is None:
        raise ConfigurationError(f"KEY_PREFIX: a cluster needs all keys in one hash slot; {one_slot_advice(prefix)}")
    if _tag(os.environ.get("RQ_KEY_PREFIX", "")) != tag:
        raise ConfigurationError(
            f"RQ_KEY_PREFIX: a cluster needs the keys of RQ in the hash slot of KEY_PREFIX; {one_slot_advice(prefix)}"
        )
    if int(version("rq").partition(".")[0]) < 3:
        raise ConfigurationError(
            f"REDIS_URL: a cluster needs RQ 3.0 or later, and {version('rq')} is installed; run: pip install 'rq>=3'"
        )


def one_slot_advice(prefix: str) -> str:
    """Return the lines with which all keys lie in one hash slot."""
    tag = _tag(prefix) or re.sub(r"[{}:]", "", prefix) or "wk"
    own = prefix if _tag(prefix) else f"{{{tag}}}:"
    return f"set KEY_PREFIX={own} and RQ_KEY_PREFIX={{{tag}}}:rq"


def _tag(key: str) -> str | None:
    """Return the hash tag of a key: the text between its first ``{`` and the next ``}``; None if that is empty."""
    found = _TAG.match(key)
    return found[1] if found else None
