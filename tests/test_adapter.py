"""The adapter's page: class first, an example in every method, and values that are checked when they are created."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import textwrap
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from webhook_kit import adapter
from webhook_kit.adapter import Capability, Placed, PosAdapter
from webhook_kit.testing.processes import PATIENCE

ROOT = Path(__file__).parents[1]

METHODS = ["fetch_catalog", "place_order", *(c.value for c in Capability if c is not Capability.NATIVE_IDEMPOTENCY)]


def example(documented: Any) -> str:
    """Return the code block of a docstring."""
    after = inspect.cleandoc(documented.__doc__).partition("::\n\n")[2].splitlines()
    return textwrap.dedent("\n".join(takewhile(lambda line: line.startswith("    ") or not line, after)))


def test_the_page_begins_with_the_class_and_is_short() -> None:
    source = Path(adapter.__file__).read_text()
    classes = [node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    assert classes[0] == "PosAdapter"
    assert len(source.splitlines()) < 400


ADAPTER = """
import hmac, json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pydantic import BaseModel, Field, SecretStr
from webhook_kit import (
    Amounts, CatalogSet, InvalidSignature, Item, Order, OrderChanged, OrderStatus, PlaceOrderRequest, Placed, PosAdapter, PosEvent,
    PosOrder, Reason, Refused, Store, StoreState, simple_catalog,
)

STATUSES: dict[str, OrderStatus] = {}

class Example(PosAdapter):
    def _signature(self, store: Store, body: bytes) -> str:
        return ""
"""
"""Imports and names that the examples of the methods use."""


def test_the_examples_of_all_methods_are_an_adapter_without_type_errors(tmp_path: Path) -> None:
    parts = [textwrap.indent(example(each), "    ") for each in (PosAdapter.Config, PosAdapter.Credentials)]
    (contract,) = (node for node in ast.parse(inspect.getsource(PosAdapter)).body if isinstance(node, ast.ClassDef))
    for node in contract.body:
        if isinstance(node, ast.FunctionDef) and node.name in METHODS:
            code = example(getattr(PosAdapter, node.name))
            assert code.strip(), f"{node.name} has no example"
            head = ast.unparse(ast.FunctionDef(node.name, node.args, [ast.Pass()], [], node.returns, lineno=0))
            parts.append(
                textwrap.indent(f"{head.removesuffix('pass').rstrip()}\n{textwrap.indent(code, '    ')}", "    ")
            )
    (tmp_path / "example.py").write_text("\n".join([ADAPTER, *parts]))
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(tmp_path / "example.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_the_store_comes_first_in_every_method() -> None:
    for name in METHODS:
        parameters = list(inspect.signature(getattr(PosAdapter, name)).parameters)
        assert parameters[1] == "store" or (name == "parse_event" and parameters[1:] == ["headers", "body", "stores"])


def test_an_adapter_without_the_required_methods_cannot_be_created() -> None:
    class Incomplete(PosAdapter):
        pass

    with pytest.raises(TypeError, match="fetch_catalog"):
        Incomplete()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"id": ""}, "Placed.id must be the POS's order id as text, not ''"),
        ({"id": 7}, "Placed.id must be the POS's order id as text, not 7"),
        ({"id": "7", "status": "cooking"}, "Placed.status must be ACCEPTED or PENDING, not 'cooking'"),
        ({"id": "7", "amounts": {"total": 1}}, "Placed.amounts must be Amounts, not dict"),
    ],
)
def test_a_wrong_value_of_placed_is_named_with_the_allowed_ones(members: dict[str, Any], complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        Placed(**members)
