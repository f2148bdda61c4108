"""Person or program that reads or changes an installation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Actor", "Role"]


class Role(StrEnum):
    """Right of an actor."""

    VIEWER = "viewer"
    """Reads everything and changes nothing."""
    OPERATOR = "operator"
    """Reads and changes."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Person or program that acts.

    :ivar name: as logged in, or the user of the operating system for the command line.
    :ivar via: ``console``, ``api`` or ``cli``.
    """

    name: str
    role: Role
    via: str
