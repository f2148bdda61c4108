"""Every test file is named after the module that it tests: ``tests/<package>/test_<module>[_<aspect>].py``.

A test of a package itself is named after the package: ``tests/cli/test_cli.py``. ``tests/examples`` mirrors ``examples``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
EXEMPT = {
    "scenario",
    "chaos",
    "packaging",
    "simulation",
    "carts",
    "fuzz",
    "storm",
    "load",
    "mutation",
}  # of the product as a whole
ABOUT_THE_SOURCE = {"test_layout.py", "test_process_marker.py", "test_public_names.py"}

FILES = sorted(
    path.relative_to(TESTS).as_posix()
    for path in TESTS.rglob("test_*.py")
    if path.relative_to(TESTS).parts[0] not in EXEMPT | ABOUT_THE_SOURCE
)


def module_of(test_file: str) -> str | None:
    """Return the module, package or example that a test file is named after, or None."""
    folder, name = Path(test_file).parent, Path(test_file).stem.removeprefix("test_")
    base = ROOT if folder.parts[:1] == ("examples",) else ROOT / "webhook_kit"
    words = name.split("_")
    for length in range(len(words), 0, -1):
        path = base / folder / "_".join(words[:length])
        if path.with_suffix(".py").exists() or path.is_dir():
            return path.relative_to(ROOT).as_posix()
        if path.name == path.parent.name:
            return path.parent.relative_to(ROOT).as_posix()
    return None


@pytest.mark.parametrize("test_file", FILES)
def test_a_test_file_is_named_after_a_module(test_file: str) -> None:
    assert module_of(test_file), (
        f"tests/{test_file} is not named after a module of webhook_kit/{Path(test_file).parent}"
    )


@pytest.mark.parametrize(
    ("test_file", "module"),
    [
        ("outbox/test_lanes.py", "webhook_kit/outbox/lanes"),
        ("outbox/test_lanes_append.py", "webhook_kit/outbox/lanes"),
        ("gett/test_models_schemas.py", "webhook_kit/gett/models"),
        ("cli/test_cli.py", "webhook_kit/cli"),
        ("test_kit.py", "webhook_kit/kit"),
        ("test_webhook_kit.py", "webhook_kit"),
        ("examples/test_tiny_pos.py", "examples/tiny_pos"),
        ("outbox/test_kit.py", None),
        ("outbox/test_no_such_module.py", None),
    ],
)
def test_the_module_is_found_by_the_name(test_file: str, module: str | None) -> None:
    assert module_of(test_file) == module
