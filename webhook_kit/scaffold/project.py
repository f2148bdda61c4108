"""A new adapter's project, written from the files in ``template/``: one that passes the contract suite from the beginning."""

from __future__ import annotations

import keyword
import re
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from webhook_kit.errors import ConfigurationError

__all__ = ["render", "write"]

# Where each template goes; the name of the project stands in them as `my-pos`, `my_pos` and `MyPos`.
_FILES = {
    "README.md": "README.md",
    "setup.cfg": "setup.cfg",
    "pyproject.toml": "pyproject.toml",
    "Procfile": "Procfile",
    ".gitignore": "gitignore",
    ".github/workflows/ci.yml": "ci.yml",
    "my_pos/__init__.py": "package_init.py",
    "my_pos/adapter.py": "adapter.py",
    "my_pos/placeholder.py": "placeholder.py",
    "tests/test_contract.py": "test_contract.py",
}
_EMPTY = ("my_pos/py.typed", "tests/__init__.py")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_TAKEN = {"tests", "webhook_kit"}


def render(name: str) -> dict[str, str]:
    """The project's files, by path.

    :param name: as the distribution and the adapter will be called (``corner-pos``).
    :raises ConfigurationError: when nothing can be called that.
    """
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(package):
        raise ConfigurationError(
            f"{name}: a name is lower-case words, letters and digits, with hyphens between: corner-pos"
        )
    if package in _TAKEN or package in sys.stdlib_module_names:
        raise ConfigurationError(f"{name}: there is a Python package {package} already; choose another name")

    def named(text: str) -> str:
        words = {"my-pos": name, "my_pos": package, "MyPos": "".join(word.capitalize() for word in name.split("-"))}
        return re.sub("|".join(words), lambda found: words[found[0]], text)

    templates = files("webhook_kit.scaffold") / "template"
    written = {
        named(path): named((templates / f"{source}.template").read_text("utf-8")) for path, source in _FILES.items()
    }
    return written | {named(path): "" for path in _EMPTY}


def write(name: str, folder: Path) -> list[str]:
    """Write the project; all of it, or nothing.

    :return: the paths written, within the folder.
    :raises ConfigurationError: when the folder is there already, or cannot be written.
    """
    rendered = render(name)
    if folder.exists():
        raise ConfigurationError(f"{folder}: is there already; nothing was written")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        try:
            for path, text in rendered.items():
                (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
                (unfinished / path).write_text(text, encoding="utf-8")
            unfinished.chmod(0o755)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror}") from error
    return list(rendered)
