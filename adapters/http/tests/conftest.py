"""A POS of answers for whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pos import ScriptedPos, scripted_pos


@pytest.fixture
def pos() -> Iterator[ScriptedPos]:
    with scripted_pos() as served:
        yield served
