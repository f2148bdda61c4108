"""``from webhook_kit import …``: every public name is there, typed, and imported only when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import webhook_kit
from webhook_kit.testing.processes import PATIENCE


def test_all_lists_exactly_the_names_that_are_typed_and_can_be_imported() -> None:
    tree = ast.parse(Path(webhook_kit.__file__).read_text())
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [alias for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    origins = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert len(imports) == len(origins)
    assert {*origins, "__version__"} == set(webhook_kit.__all__) <= set(dir(webhook_kit))
    for name, (module, attribute) in origins.items():
        assert getattr(webhook_kit, name) is getattr(sys.modules[str(module)], attribute), name


def test_the_version_is_the_distributions() -> None:
    assert webhook_kit.__version__ == version("webhook-kit")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Pizza'"):
        getattr(webhook_kit, "Pizza")  # noqa: B009 - mypy knows that there is none
    with pytest.raises(ImportError):
        exec("from webhook_kit import Pizza")


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import webhook_kit", "pydantic requests flask redis rq click"),
        ("from webhook_kit import PosAdapter, simple_catalog, Item, Order", "flask redis rq click granian"),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement: str, absent: str) -> None:
    code = f"{statement}; import sys; print([name for name in '{absent}'.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == "[]"
