"""Loading of adapters, and the error for each way in which an adapter can be unusable."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from webhook_kit.adapter import Guarantee, PosAdapter
from webhook_kit.errors import (
    AdapterDuplicate,
    AdapterError,
    AdapterImportFailed,
    AdapterNotFound,
    AdapterWrongType,
)
from webhook_kit.stores.adapters import installed, load_adapter
from webhook_kit.testing.bogus import BogusAdapter

WHOLE = """
from webhook_kit.adapter import PosAdapter
class Pos(PosAdapter):
    def fetch_catalog(self, store): raise NotImplementedError
    def place_order(self, store, order, key): raise NotImplementedError
class Inner:
    Pos = Pos
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a module with a unique name into the current directory; it is unloaded afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    names: list[str] = []

    def write(code: str) -> str:
        names.append(f"pos_{uuid4().hex}")
        (tmp_path / f"{names[-1]}.py").write_text(code)
        importlib.invalidate_caches()
        return names[-1]

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def package(module: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Install a distribution that registers an adapter under a name."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(adapter: str, target: str, distribution: str = "") -> str:
        distribution = distribution or f"dist-{uuid4().hex}"
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[webhook_kit.adapters]\n{adapter} = {target}\n")
        importlib.invalidate_caches()
        return distribution

    return install


def load_error(kind: type[AdapterError], spec: str) -> str:
    with pytest.raises(AdapterError) as caught:
        load_adapter(spec)
    assert type(caught.value) is kind, repr(caught.value)
    assert repr(spec) in str(caught.value)
    return str(caught.value)


def test_load_by_registered_name_and_by_module_and_class() -> None:
    assert type(load_adapter("bogus")) is BogusAdapter
    assert type(load_adapter("webhook_kit.testing.bogus:BogusAdapter")) is BogusAdapter


def test_load_returns_one_object_per_process() -> None:
    assert load_adapter("bogus") is load_adapter("bogus")


def test_load_finds_modules_of_the_current_directory_and_nested_classes(module: Callable[[str], str]) -> None:
    name = module(WHOLE)
    assert isinstance(load_adapter(f"{name}:Pos"), PosAdapter)
    assert type(load_adapter(f"{name}:Inner.Pos")) is type(load_adapter(f"{name}:Pos"))


def test_unknown_name_lists_the_installed_adapters() -> None:
    message = load_error(AdapterNotFound, "unheard-of")
    assert "installed: bogus" in message
    assert "module:Class" in message


@pytest.mark.parametrize(
    "spec", ["my-pos:Pos", "my_pos:", ":Pos", "a:b:c", "my pos:Pos", ".my_pos:Pos", "my_pos:Pos [x]"]
)
def test_malformed_spec_shows_the_correct_form(spec: str) -> None:
    assert "write module:Class" in load_error(AdapterNotFound, spec)


def test_missing_module_differs_from_missing_dependency_of_a_module(module: Callable[[str], str]) -> None:
    assert "there is no module 'unheard_of'" in load_error(AdapterNotFound, "unheard_of:Pos")
    assert "there is no module 'unheard_of'" in load_error(AdapterNotFound, "unheard_of.deep:Pos")
    name = module("import unheard_of_dependency")
    message = load_error(AdapterImportFailed, f"{name}:Pos")
    assert f"importing {name} failed" in message
    assert "unheard_of_dependency" in message


@pytest.mark.parametrize(
    "code", ["this is no Python", "raise RuntimeError('at import')", "1 / 0", "raise SystemExit(3)"]
)
def test_failing_import_reports_the_exception_in_one_line(code: str, module: Callable[[str], str]) -> None:
    name = module(code)
    message = load_error(AdapterImportFailed, f"{name}:Pos")
    assert f"importing {name} failed" in message
    assert "\n" not in message


def test_missing_class_is_named(module: Callable[[str], str]) -> None:
    name = module(WHOLE)
    assert f"module {name} has no Poss" in load_error(AdapterNotFound, f"{name}:Poss")


@pytest.mark.parametrize("code", ["class Pos: pass", "Pos = 7", "def Pos(): pass", f"{WHOLE}\nPos = Pos()"])
def test_object_that_is_not_an_adapter_class_has_the_wrong_type(code: str, module: Callable[[str], str]) -> None:
    assert "is not a subclass of webhook_kit.PosAdapter" in load_error(AdapterWrongType, f"{module(code)}:Pos")


def test_class_that_cannot_be_instantiated_has_the_wrong_type(module: Callable[[str], str]) -> None:
    name = module(f"{WHOLE}\n    def __init__(self): raise RuntimeError('no licence')\nPos.__init__ = Inner.__init__")
    assert "no licence" in load_error(AdapterWrongType, f"{name}:Pos")


def test_each_mistake_of_the_class_is_a_line(module: Callable[[str], str]) -> None:
    name = module(
        "from webhook_kit.adapter import *\n"
        "class Pos(PosAdapter):\n    capabilities = {Capability.QUOTE: Level.TESTED}\n"
    )
    lines = load_error(AdapterWrongType, f"{name}:Pos").splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "Pos does not define fetch_catalog()",
        "Pos does not define place_order()",
        "Pos.capabilities declares quote as tested, but Pos does not define quote()",
    ]


def test_name_claimed_by_two_packages_names_both(module: Callable[[str], str], package: Callable[..., str]) -> None:
    one, two = module(WHOLE), module(WHOLE)
    spec = f"twice-{uuid4().hex}"
    owners = [package(spec, f"{one}:Pos"), package(spec, f"{two}:Pos")]
    message = load_error(AdapterDuplicate, spec)
    assert all(owner in message for owner in owners)
    assert "uninstall one" in message


def test_installed_lists_every_adapter_and_the_problem_of_a_broken_one(
    module: Callable[[str], str], package: Callable[..., str]
) -> None:
    good, broken = f"good-{uuid4().hex}", f"broken-{uuid4().hex}"
    owner = package(good, f"{module(WHOLE)}:Pos")
    package(broken, "unheard_of:Pos")
    adapters = {entry.name: entry for entry in installed()}
    assert list(adapters) == sorted(adapters)
    assert adapters["bogus"].adapter is BogusAdapter
    assert (adapters[good].distribution, adapters[good].version) == (owner, "1.2")
    usable = adapters[good].adapter
    assert usable is not None
    assert usable.guarantee() is Guarantee.CLAIM
    assert adapters[broken].adapter is None
    assert isinstance(adapters[broken].problem, AdapterNotFound)


@pytest.mark.parametrize("target", ["bad_module", "!!!", "a:b c"])
def test_malformed_entry_point_does_not_hide_other_adapters(target: str, package: Callable[..., str]) -> None:
    name = f"malformed-{uuid4().hex}"
    package(name, target)
    adapters = {entry.name: entry for entry in installed()}
    assert adapters["bogus"].adapter is BogusAdapter
    assert "is not of the form module:Class" in str(adapters[name].problem)


def test_installed_adapter_that_cannot_be_instantiated_has_a_problem(
    module: Callable[[str], str], package: Callable[..., str]
) -> None:
    name = f"unlicensed-{uuid4().hex}"
    code = f"{WHOLE}\n    def __init__(self): raise RuntimeError('no licence')\nPos.__init__ = Inner.__init__"
    package(name, f"{module(code)}:Pos")
    (entry,) = [adapter for adapter in installed() if adapter.name == name]
    assert entry.adapter is None
    assert "no licence" in str(entry.problem)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\ndef (\n", r"{path}, line 2: SyntaxError: invalid syntax"),
        ("x = 1\n\ny = z\n", r"{path}, line 3: NameError: name 'z' is not defined"),
        ("import sys\nsys.exit('no\\nlicence')\n", r"{path}, line 2: SystemExit: no licence"),
    ],
)
def test_failed_import_is_one_line_that_names_file_and_line(
    code: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / f"vendor_{uuid4().hex}.py"
    path.write_text(code)
    with pytest.raises(AdapterImportFailed) as caught:
        load_adapter(f"{path.stem}:Pos")
    assert str(caught.value).endswith(expected.format(path=path))
    assert len(str(caught.value).splitlines()) == 1
