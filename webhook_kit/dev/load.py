"""``python -m webhook_kit.dev.load``: load the adapters of the saved stores, and report on one line each that cannot be used."""

from __future__ import annotations

import sys

from webhook_kit.exit import end_process
from webhook_kit.kit import Kit

__all__ = ["MARK"]

MARK = "mistake: "
"""Start of each line that reports a mistake; an adapter may print others."""

if __name__ == "__main__":
    mistakes = [line for mistake in Kit.from_env().stores.unusable().values() for line in mistake.splitlines()]
    sys.stdout.writelines(f"{MARK}{line}\n" for line in mistakes)
    end_process(1 if mistakes else 0)
