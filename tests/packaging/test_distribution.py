"""The distributions: their files, entry points, metadata and dependencies."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest

from webhook_kit.testing.processes import PATIENCE

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "webhook_kit").rglob("*.py"))
LUA = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "webhook_kit").rglob("*.lua"))
TEMPLATES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder, pattern in (("scaffold/template", "*"), ("testing", "*.j2"))
    for path in (ROOT / "webhook_kit" / folder).glob(pattern)
)
STATIC = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("sandbox/storefront/static", "console/static", "console/templates")
    for path in (ROOT / "webhook_kit" / folder).rglob("*")
    if path.is_file()
)


def can_build_wheels() -> bool:
    try:
        version = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        return False
    return tuple(map(int, version.split(".")[:2])) >= (70, 1) or importlib.util.find_spec("wheel") is not None


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, check=False, cwd=cwd, capture_output=True, text=True, timeout=4 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution, built from a copy of the tree, because a build writes next to the sources."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed")
    work = tmp_path_factory.mktemp("sdist")
    copy = work / "tree"
    copy.mkdir()
    shutil.copytree(ROOT / "webhook_kit", copy / "webhook_kit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
    run(sys.executable, "-c", f"from setuptools import build_meta; build_meta.build_sdist({str(work)!r})", cwd=copy)
    (archive,) = work.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(work, filter="data")
    return work / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def built(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a wheel built from the source distribution: the packages and their metadata."""
    out = tmp_path_factory.mktemp("built")
    code = "from setuptools import setup; setup()"
    run(sys.executable, "-c", code, "-q", "build", "-b", str(out), "egg_info", "-e", str(out), cwd=sdist)
    return out


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def entry_points(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


ENTRY_POINTS = {
    "console_scripts": {"webhook-kit": "webhook_kit.cli:main"},
    "pytest11": {"webhook_kit": "webhook_kit.testing.plugin"},
    "webhook_kit.adapters": {"bogus": "webhook_kit.testing.bogus:BogusAdapter"},
}


def test_the_source_distribution_contains_all_sources_and_the_licence(sdist: Path) -> None:
    files = names(sdist)
    assert {
        *SOURCES,
        *LUA,
        *STATIC,
        *TEMPLATES,
        "webhook_kit/py.typed",
        "LICENSE",
        "setup.cfg",
        "pyproject.toml",
    } <= set(files)
    assert (sdist / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_build_contains_exactly_the_package_and_its_data(built: Path) -> None:
    others = ["webhook_kit/outbox/dictionary.txt", "webhook_kit/outbox/dictionary.zstd", "webhook_kit/py.typed"]
    assert names(built / "lib") == sorted([*SOURCES, *LUA, *STATIC, *TEMPLATES, *others])


def test_the_build_registers_command_plugin_and_adapter(built: Path) -> None:
    (info,) = built.glob("*.egg-info")
    assert entry_points((info / "entry_points.txt").read_text()) == ENTRY_POINTS


def test_the_build_has_the_metadata(built: Path) -> None:
    (info,) = built.glob("*.egg-info")
    metadata_file = Parser().parsestr((info / "PKG-INFO").read_text())
    version = re.search(r"^version = (.+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert version is not None
    assert (metadata_file["Name"], metadata_file["Version"]) == ("webhook-kit", version[1])
    assert metadata_file["Requires-Python"] == ">=3.11"
    assert "Apache-2.0" in (metadata_file["License"] or metadata_file["License-Expression"])


@pytest.mark.skipif(not can_build_wheels(), reason="neither setuptools 70.1 nor the package wheel is installed")
def test_the_wheel_has_the_same_content(sdist: Path, built: Path, tmp_path: Path) -> None:
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(tmp_path))
    run(sys.executable, "-m", "pip", "wheel", *options, str(sdist), cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as packed:
        files = packed.namelist()
        (entry_points_file,) = (name for name in files if name.endswith(".dist-info/entry_points.txt"))
        assert entry_points(packed.read(entry_points_file).decode()) == ENTRY_POINTS
    assert sorted(name for name in files if ".dist-info/" not in name) == names(built / "lib")
    assert [name for name in files if name.endswith("/LICENSE")]


def test_metadata_is_in_setup_cfg_only() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(pyproject) == {"build-system", "tool"}
    assert "setuptools" not in pyproject["tool"]
    assert not (ROOT / "setup.py").exists()
    assert not list(ROOT.glob("requirements*.txt"))


OF_EXTRAS = (
    "webhook_kit/console/oidc.py",
    "webhook_kit/error_reports/sentry.py",
    "webhook_kit/operations/archive/database.py",
    "webhook_kit/operations/archive/tables.py",
)
"""Modules that are imported only with the extra of their dependencies."""


def test_every_import_is_a_declared_dependency(built: Path) -> None:
    (info,) = built.glob("*.egg-info")
    # Each section is an extra; the lines before the first section are always installed.
    declared = re.split(r"^\[", (info / "requires.txt").read_text().lower(), flags=re.MULTILINE)[0]
    imported = set()
    for source in SOURCES:
        if "/testing/" not in source and source not in OF_EXTRAS:
            imported |= set(re.findall(r"^(?:from|import) (\w+)", (ROOT / source).read_text(), re.MULTILINE))
    third_party = imported - set(sys.stdlib_module_names) - {"webhook_kit"}
    # Packages that come with another one, or under another name.
    owners = {"werkzeug": "flask", "urllib3": "requests", "pydantic_core": "pydantic", "jwt": "pyjwt"}
    owners["markupsafe"] = "flask"
    assert {owners.get(name, name.replace("_", "-")) for name in third_party} <= set(
        re.findall(r"^[a-z0-9-]+", declared, re.MULTILINE)
    )
