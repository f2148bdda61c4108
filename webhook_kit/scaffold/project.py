"""Project of a new adapter, written from the files in ``template/``; it passes the contract suite from the beginning."""

from __future__ import annotations

import keyword
import re
import shutil
import sys
import tempfile
from importlib.metadata import distributions, entry_points, packages_distributions
from importlib.resources import files
from pathlib import Path

from webhook_kit.errors import ConfigurationError
from webhook_kit.stores.adapters import GROUP

__all__ = ["render", "write"]

# The path of each template's file. In both, `my-pos`, `my_pos` and `MyPos` are replaced by the name of the project.
_FILES = {
    "README.md": "README.md",
    "setup.cfg": "setup.cfg",
    "pyproject.toml": "pyproject.toml",
    "Procfile": "Procfile",
    "app.json": "app.json",
    "requirements.txt": "requirements.txt",
    ".python-version": "python-version",
    ".gitignore": "gitignore",
    ".github/workflows/ci.yml": "ci.yml",
    "my_pos/__init__.py": "package_init.py",
    "my_pos/adapter.py": "adapter.py",
    "my_pos/placeholder.py": "placeholder.py",
    "tests/test_contract.py": "test_contract.py",
}
_EMPTY = ("my_pos/py.typed", "tests/__init__.py")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_LONGEST = 60
_RESERVED = {"tests", "webhook_kit"}


def render(name: str) -> dict[str, str]:
    """Return the project's files, by path.

    :param name: name of the distribution and of the adapter (``corner-pos``).
    :raises ConfigurationError: when the name cannot be used.
    """
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(package):
        raise ConfigurationError(
            f"{name[:_LONGEST]}: use lower-case words of letters and digits, joined by hyphens, such as corner-pos"
        )
    if len(name) > _LONGEST:
        raise ConfigurationError(f"{name[:20]}…: a name has at most {_LONGEST} characters")
    if package in _RESERVED or package in sys.stdlib_module_names or _is_installed(name, package):
        raise ConfigurationError(f"{name}: a Python package {package} exists already; choose another name")

    def renamed(text: str) -> str:
        names = {"my-pos": name, "my_pos": package, "MyPos": "".join(word.capitalize() for word in name.split("-"))}
        return re.sub("|".join(names), lambda match: names[match[0]], text)

    templates = files("webhook_kit.scaffold") / "template"
    contents = {
        renamed(path): renamed((templates / f"{source}.template").read_text("utf-8")) for path, source in _FILES.items()
    }
    return contents | {renamed(path): "" for path in _EMPTY}


def _is_installed(name: str, package: str) -> bool:
    """Return True if a distribution, one of its packages or a registered adapter has the name already."""
    names = {distribution.name.lower().replace("_", "-") for distribution in distributions() if distribution.name}
    return name in names or package in packages_distributions() or name in entry_points(group=GROUP).names


def write(name: str, folder: Path) -> list[str]:
    """Write the project completely or not at all.

    :return: the paths written, relative to the folder.
    :raises ConfigurationError: when the folder exists already, or cannot be written.
    """
    contents = render(name)
    try:
        if folder.exists():
            raise ConfigurationError(f"{folder} exists already; nothing was written")
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        try:
            for path, text in contents.items():
                (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
                (unfinished / path).write_text(text, encoding="utf-8")
            unfinished.chmod(0o755)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"{_shown(folder)}: cannot be written: {error.strerror}") from error
    return list(contents)


def _shown(folder: Path) -> str:
    text = str(folder)
    return text if len(text) <= 200 else f"{text[:200]}…"
