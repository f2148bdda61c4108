"""A rich console for texts from outside. A module of its own, because most commands print plain lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from webhook_kit.printing import printable

__all__ = ["SafeConsole"]


class SafeConsole(Console):
    """A rich console on which texts are :func:`~webhook_kit.printing.printable`: only rich itself controls the terminal."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        stream = sys.stderr if stderr else sys.stdout
        super().__init__(file=getattr(stream, "unescaped", stream), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))
