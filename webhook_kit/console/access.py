"""Roles of the people whom an OpenID provider or an authenticating proxy names. Nobody has one by default."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from webhook_kit.operations.actor import Role
from webhook_kit.settings import Settings

__all__ = ["AllowLists", "identities", "valid_name"]

_LONGEST_NAME = 200


class AllowLists:
    """The lists CONSOLE_OPERATORS and CONSOLE_VIEWERS."""

    def __init__(self, settings: Settings) -> None:
        self._operators = frozenset(map(_comparable, settings.console_operators))
        self._viewers = frozenset(map(_comparable, settings.console_viewers))

    def role(self, identities: Iterable[str]) -> Role | None:
        """Return the highest role of someone with these identities; None if there is none."""
        of = frozenset(map(_comparable, identities))
        if of & self._operators:
            return Role.OPERATOR
        return Role.VIEWER if of & self._viewers else None

    def listed(self, identities: Iterable[str]) -> list[str]:
        """Return the identities that are in one of the lists."""
        return [each for each in identities if _comparable(each) in self._operators | self._viewers]


def identities(name: str, groups: Sequence[str]) -> list[str]:
    """Return the name and the groups as the lists write them."""
    # A name must not be able to pass for a group.
    own = [] if _comparable(name).startswith("group:") else [name]
    return [*own, *(f"group:{group}" for group in groups)]


def valid_name(name: str) -> bool:
    """Return True if a text may be the name of an actor: it stands in the audit log, on pages and in log lines."""
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()


def _comparable(text: str) -> str:
    # Mail systems ignore case; Unicode's other equivalences are left alone, so that no two people are taken for one.
    return text.lower() if text.isascii() else text
