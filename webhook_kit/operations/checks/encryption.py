"""Check of the credentials in Redis: which keys of WEBHOOK_KIT_KEY are still needed."""

from __future__ import annotations

from collections.abc import Iterator

from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity

__all__ = ["check_encryption"]


def check_encryption(kit: Kit) -> Iterator[CheckFinding]:
    """Yield the progress of a rotation of WEBHOOK_KIT_KEY, if there is one."""
    older, keys = kit.store_repository.encrypted_with_older_key(), len(kit.settings.webhook_kit_key)
    if older:
        names = ", ".join(older[:5]) + (", …" if len(older) > 5 else "")
        yield CheckFinding(
            CheckSeverity.INFO,
            "encrypted_with_older_key",
            "WEBHOOK_KIT_KEY",
            f"credentials that are not encrypted with its first key: {len(older)} stores ({names})",
            "keep every key, and run webhook-kit stores rotate-keys when all processes know the first one",
        )
    elif keys > 1:
        yield CheckFinding(
            CheckSeverity.INFO,
            "older_key_not_needed",
            "WEBHOOK_KIT_KEY",
            "all credentials in Redis are encrypted with its first key",
            "the others can be removed",
        )
