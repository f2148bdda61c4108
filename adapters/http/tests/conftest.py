"""Fixtures of a POS with prepared responses, and of the POS in Node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node_pos import NodePos, node_pos
from tests.scripted_pos import SECRET, ScriptedPos, scripted_pos


@pytest.fixture
def pos() -> Iterator[ScriptedPos]:
    with scripted_pos() as running:
        yield running


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodePos]:
    """The POS in Node, as the store ``main``."""
    with node_pos(tmp_path, "main", SECRET) as running:
        yield running
