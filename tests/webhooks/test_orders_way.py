"""The way of an order, as docs/receiving.md lists it."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import webhook_kit
from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import WebhookClient, order

PACKAGE = Path(webhook_kit.__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "receiving.md"


def files_entered(action: Callable[[], object]) -> set[str]:
    """Return the files of the package whose functions an action calls, in every thread that it starts."""
    entered = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            entered.add(path.relative_to(PACKAGE).as_posix())

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return entered


def test_every_file_of_the_documented_way_is_entered_and_there_are_at_most_fifteen(
    make_client: Callable[..., WebhookClient],
) -> None:
    client = make_client(**scripted_pos())
    requested = client.validated(order())
    documented = re.findall(r"^\| \d+ \| `([\w/.]+)` \|", DOCS.read_text(), re.MULTILINE)
    entered = files_entered(lambda: client.place(requested))
    assert documented
    assert len(documented) <= 15
    assert set(documented) - entered == set()
