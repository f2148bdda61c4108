"""Writes the README's table of adapters from the adapters themselves: ``python scripts/make_adapters.py``. A test compares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from webhook_kit.adapter import Capability
from webhook_kit.stores.adapters import installed

PAGE = Path(__file__).parents[1] / "README.md"

_OURS = "webhook-kit-"
_BEGIN, _END = "<!-- adapters -->\n", "<!-- /adapters -->"


def page(text: str) -> str:
    """The page with its table as the adapters under ``adapters/`` have it now.

    :raises LookupError: when one of them cannot be used.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return "".join([before, begin, *(f"{line}\n" for line in _lines()), end, after])


def _lines() -> Iterator[str]:
    yield f"| adapter | {' | '.join(f'`{capability}`' for capability in Capability)} | one ticket rests on |"
    yield f"|---|{'---|' * len(Capability)}---|"
    for found in installed():
        if not found.distribution.startswith(_OURS):
            continue
        if found.adapter is None:
            raise LookupError(f"{found.name} cannot be used: {found.problem}")
        folder = f"adapters/{found.distribution.removeprefix(_OURS)}"
        levels = [found.adapter.level(capability) for capability in Capability]
        yield f"| [{found.name}]({folder}) | {' | '.join(levels)} | {found.adapter.guarantee()} |"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
