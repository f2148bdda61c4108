"""``python -m webhook_kit.cli``."""

from __future__ import annotations

from webhook_kit.cli import main

__all__: list[str] = []

main()
