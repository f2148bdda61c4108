"""Reasons for which Redis refuses a command, read from its errors."""

from __future__ import annotations

import re
from enum import StrEnum

import redis
from redis import exceptions

__all__ = ["REFUSING_SERVER", "NoSentinel", "PrimaryUnknown", "RedisFault", "describe", "error_code", "fault"]


class NoSentinel(redis.ConnectionError):
    """No sentinel answers."""


class PrimaryUnknown(redis.ConnectionError):
    """No sentinel knows the primary."""


class RedisFault(StrEnum):
    """Reason for which Redis cannot be used."""

    NOT_REACHABLE = "not reachable"
    NO_SENTINEL = "no sentinel reachable"
    PRIMARY_UNKNOWN = "primary unknown to the sentinels"
    CERTIFICATE = "certificate not verified"
    NO_TLS = "no TLS at this port"
    CLOSED = "connection closed"
    REPLICA = "read-only replica"
    FULL = "out of memory"
    CLUSTER = "cluster mode"
    SLOT = "hash slot not served"
    NO_CLUSTER = "not in cluster mode"
    NO_SCRIPTS = "no scripts"
    LOADING = "loading its data"
    CREDENTIALS = "credentials refused"
    PERMISSION = "permission missing"
    NOT_PERSISTENT = "cannot write to its disk"
    TOO_FEW_REPLICAS = "too few replicas"
    BUSY = "busy with a script"
    OTHER = "error"

    @property
    def unreachable(self) -> bool:
        """True if there is no connection."""
        return self in _WITHOUT_CONNECTION

    @property
    def advice(self) -> str:
        """Explanation for people, and what to do."""
        return _ADVICE[self]


_WITHOUT_CONNECTION = frozenset(
    {
        RedisFault.NOT_REACHABLE,
        RedisFault.NO_SENTINEL,
        RedisFault.PRIMARY_UNKNOWN,
        RedisFault.CERTIFICATE,
        RedisFault.NO_TLS,
        RedisFault.CLOSED,
    }
)

_ADVICE = {
    RedisFault.NOT_REACHABLE: "Redis cannot be reached; check the address, the network and TLS",
    RedisFault.NO_SENTINEL: (
        "no sentinel can be asked for the primary; check their addresses, the network, TLS, and their own password "
        "(sentinel_password)"
    ),
    RedisFault.PRIMARY_UNKNOWN: "the sentinels do not know the primary; check its name at the end of the address",
    RedisFault.CERTIFICATE: (
        "the certificate of Redis cannot be verified; use the host name for which it was issued, or set "
        "REDIS_TLS_VERIFY=none if it is self-signed (Heroku)"
    ),
    RedisFault.NO_TLS: "the server does not answer with TLS; if its port is one without TLS, write redis:// for rediss://",
    RedisFault.CLOSED: "the server closes the connection; if its port expects TLS, write rediss:// for redis://",
    RedisFault.REPLICA: "this server is a read-only replica; use the address of the primary",
    RedisFault.FULL: "Redis is full (maxmemory); choose a larger plan, or delete other data from it",
    RedisFault.CLUSTER: (
        "Redis is in cluster mode; set REDIS_URL=redis+cluster://host:port,host:port (some of its nodes), KEY_PREFIX={wk}: and "
        "RQ_KEY_PREFIX={wk}:rq"
    ),
    RedisFault.SLOT: (
        "no node of the cluster serves the hash slot of KEY_PREFIX now: it fails over, or the slot moves to another node; "
        "try again in a moment"
    ),
    RedisFault.NO_CLUSTER: "the server is not in cluster mode; write redis:// for redis+cluster://, rediss:// for rediss+cluster://",
    RedisFault.NO_SCRIPTS: (
        "this server runs no Lua scripts; of a Sentinel write redis+sentinel://host,host,host/primary, of a proxy the address of "
        "Redis itself"
    ),
    RedisFault.LOADING: "Redis is loading its data; try again in a moment",
    RedisFault.CREDENTIALS: "Redis refuses the user or the password; check them",
    RedisFault.PERMISSION: "the user may not run scripts, or not write the keys of KEY_PREFIX and of rq:; extend its ACL",
    RedisFault.NOT_PERSISTENT: "Redis refuses to write because it cannot save to its disk; see the log of Redis",
    RedisFault.TOO_FEW_REPLICAS: "Redis refuses to write because too few replicas are connected (min-replicas-to-write)",
    RedisFault.BUSY: "Redis is busy with a script; try again in a moment",
    RedisFault.OTHER: "Redis refuses a write",
}

_FAULTS = {
    "READONLY": RedisFault.REPLICA,
    "MASTERDOWN": RedisFault.REPLICA,
    "UNBLOCKED": RedisFault.REPLICA,
    "OOM": RedisFault.FULL,
    "MOVED": RedisFault.CLUSTER,
    "ASK": RedisFault.SLOT,
    "TRYAGAIN": RedisFault.SLOT,
    "CROSSSLOT": RedisFault.CLUSTER,
    "CLUSTERDOWN": RedisFault.SLOT,
    "LOADING": RedisFault.LOADING,
    "NOAUTH": RedisFault.CREDENTIALS,
    "WRONGPASS": RedisFault.CREDENTIALS,
    "DENIED": RedisFault.CREDENTIALS,
    "NOPERM": RedisFault.PERMISSION,
    "MISCONF": RedisFault.NOT_PERSISTENT,
    "NOREPLICAS": RedisFault.TOO_FEW_REPLICAS,
    "BUSY": RedisFault.BUSY,
}

REFUSING_SERVER = frozenset(
    {"READONLY", "MASTERDOWN", "UNBLOCKED", "LOADING", "NOAUTH", "WRONGPASS", "DENIED", "MISCONF", "NOREPLICAS"}
    | {"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"}
)
"""Codes by which a server refuses to serve although another one behind the same address may; it has executed nothing.

``OOM``, ``BUSY``, ``UNKILLABLE`` and ``NOPERM`` are not among them: they are about the data, a script or the user, and a new
connection meets the same.
"""

_SENTINELS: dict[type[Exception], RedisFault] = {
    NoSentinel: RedisFault.NO_SENTINEL,
    PrimaryUnknown: RedisFault.PRIMARY_UNKNOWN,
}

_CLASSES: dict[type[Exception], str] = {  # a class comes before the class that it extends
    exceptions.ReadOnlyError: "READONLY",
    exceptions.MasterDownError: "MASTERDOWN",
    exceptions.OutOfMemoryError: "OOM",
    exceptions.MovedError: "MOVED",
    exceptions.AskError: "ASK",
    exceptions.TryAgainError: "TRYAGAIN",
    exceptions.ClusterCrossSlotError: "CROSSSLOT",
    exceptions.ClusterDownError: "CLUSTERDOWN",
    exceptions.BusyLoadingError: "LOADING",
    exceptions.AuthenticationError: "WRONGPASS",
    exceptions.NoPermissionError: "NOPERM",
}

_CODE = re.compile(rf"(?:^|-|: )({'|'.join(_FAULTS)}) ")
"""A code of Redis; inside a script or a transaction it follows other text."""

_TEXTS = {
    re.compile(r"non local key|hash to the same slot|in cluster mode", re.IGNORECASE): RedisFault.CLUSTER,
    re.compile(r"cluster support disabled", re.IGNORECASE): RedisFault.NO_CLUSTER,
    re.compile(r"unknown command", re.IGNORECASE): RedisFault.NO_SCRIPTS,
    re.compile(r"no permission|ACL failure|can't run this command|can't access", re.IGNORECASE): RedisFault.PERMISSION,
}

_CONNECTION_TEXTS = {
    re.compile(r"CERTIFICATE_VERIFY_FAILED"): RedisFault.CERTIFICATE,
    re.compile(r"\[SSL|handshake operation timed out|EOF occurred in violation of protocol"): RedisFault.NO_TLS,
    re.compile(r"Connection reset by peer|Connection closed by server|Protocol Error"): RedisFault.CLOSED,
}


def error_code(error: redis.RedisError) -> str:
    """Return the code of an error that Redis has sent (``READONLY``), or the empty text."""
    for kind, code in _CLASSES.items():
        if isinstance(error, kind):
            return code
    match = _CODE.search(str(error))
    return match[1] if match else ""


def fault(error: redis.RedisError) -> RedisFault:
    """Return the reason for which Redis cannot be used."""
    if reason_of_sentinels := _SENTINELS.get(type(error)):
        return reason_of_sentinels
    cause = error.__cause__ if isinstance(error.__cause__, redis.RedisError) else error
    if code := error_code(cause):
        return _FAULTS[code]
    for pattern, reason in _TEXTS.items():
        if pattern.search(str(cause)):
            return reason
    if not isinstance(cause, redis.ConnectionError | redis.TimeoutError):
        return RedisFault.OTHER
    text = f"{cause} {cause.__context__}"  # the text of a handshake that timed out is in the context alone
    return next(
        (reason for pattern, reason in _CONNECTION_TEXTS.items() if pattern.search(text)), RedisFault.NOT_REACHABLE
    )


def describe(error: redis.RedisError) -> str:
    """Return one line for a person: the setting, the reason, what to do, and the words of Redis."""
    return f"REDIS_URL: {fault(error).advice} ({' '.join(str(error).split())})"
