"""Write the pages of the site into ``build/docs``: ``python scripts/make_site.py``. ``mkdocs.yml`` builds the site from them.

Pages of the site are those of ``docs/`` and the texts of other folders in ``ELSEWHERE``. Each link is that of GitHub. Here it is turned
into the link between the same pages in the site; a source file that a page links to becomes a page of its own.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "report-a-vulnerability.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Page in the site for each text at the top; READMEs of adapters and examples have theirs in a folder."""

_LINK = re.compile(r"(\[[\w./-]+\.md\])?(?<=\])\(([^)\s#]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(rf"{_FENCE.pattern}|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_NOT_FOUND = "there is nothing at"


class BrokenLinks(Exception):
    """Links to files that do not exist, one a line."""


class Site:
    """Pages of the site, by their source."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pages = {name: page for name, page in ELSEWHERE.items() if (root / name).exists()}
        self.pages |= {path.relative_to(root).as_posix(): path.name for path in sorted((root / "docs").glob("*.md"))}
        for path in sorted([*root.glob("adapters/*/README.md"), *root.glob("examples/*/README.md")]):
            self.pages[path.relative_to(root).as_posix()] = f"{path.parent.relative_to(root).as_posix()}.md"
        self.sources: dict[str, str] = {}
        self.broken: list[str] = []

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield path and text of each page.

        :raises BrokenLinks: after the last page, when a link leads nowhere.
        """
        for name, page in self.pages.items():
            text = self.linked(name, page, (self.root / name).read_text(encoding="utf-8"))
            yield page, text + (self.files(name, page) if name.startswith("examples/") else "")
        for name, page in self.sources.items():  # no source file adds another one
            yield page, source_page(name, (self.root / name).read_text(encoding="utf-8"))
        if self.broken:
            raise BrokenLinks("\n".join(self.broken))

    def linked(self, name: str, page: str, text: str) -> str:
        """Return the text with links to pages of the site. Code is left as it is."""

        def replaced(link: re.Match[str]) -> str:
            label, target, anchor = link.groups(default="")
            return f"{label and self.label(name, target)}({self.link(name, page, target)}{anchor})"

        parts, end = [], 0
        for code in _CODE.finditer(text):
            parts += [_LINK.sub(replaced, text[end : code.start()]), code[0]]
            end = code.end()
        return "".join([*parts, _LINK.sub(replaced, text[end:])])

    def label(self, name: str, target: str) -> str:
        """Return the label of a link that shows a file's name: the heading of the page, as far as a colon."""
        path = self.root / PurePosixPath(name).parent / target
        return f"[{title(path.read_text(encoding='utf-8')).split(':')[0]}]" if path.is_file() else f"[{target}]"

    def link(self, name: str, page: str, target: str) -> str:
        """Return the address of a link's target, as seen from a page."""
        if ":" in target:
            return target
        path = os.path.normpath(PurePosixPath(name).parent / target)
        if (self.root / path / "README.md").exists():
            path = f"{path}/README.md"
        if (self.root / path).is_dir() and (example := "/".join([*path.split("/")[:2], "README.md"])) in self.pages:
            return os.path.relpath(self.pages[example], PurePosixPath(page).parent) + "#files"
        if not (self.root / path).is_file():
            self.broken.append(f"{name}: {_NOT_FOUND} {target}; link to a file, or to a folder with a README.md")
            return target
        return os.path.relpath(self.page_of(path), PurePosixPath(page).parent)

    def page_of(self, path: str) -> str:
        """Return the page for a file; a source file gets one when it is asked for."""
        if path.startswith("docs/images/"):
            return path.removeprefix("docs/")
        page = f"source/{path}.md".replace("/.", "/dot-")  # the builders leave out hidden files
        return self.pages.get(path) or self.sources.setdefault(path, page)

    def files(self, name: str, page: str) -> str:
        """Return the section with links to all files of an example."""
        folder = (self.root / name).parent
        paths = [path.relative_to(self.root).as_posix() for path in sorted(folder.rglob("*"))]
        paths = [path for path in paths if (self.root / path).is_file() and not _is_generated(path) and path != name]
        links = [f"* [{path}]({os.path.relpath(self.page_of(path), PurePosixPath(page).parent)})\n" for path in paths]
        return "\n## Files\n\n" + "".join(links)


def _is_generated(path: str) -> bool:
    folders = PurePosixPath(path).parent.parts
    return path.endswith(".sqlite") or any(
        folder.startswith((".", "__pycache__")) or folder.endswith(".egg-info") for folder in folders
    )


def source_page(name: str, text: str) -> str:
    """Return the page that shows a source file."""
    language = {".py": "python", ".js": "js", ".json": "json", ".toml": "toml", ".cfg": "ini"}.get(
        Path(name).suffix, "text"
    )
    return f"---\nsearch:\n  exclude: true\n---\n# {name}\n\n``````{language}\n{text.rstrip()}\n``````\n"


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Loader that leaves out the Python functions in a configuration."""


_PlainLoader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def navigation(root: Path = ROOT) -> Any:
    """Return ``nav`` of ``mkdocs.yml``."""
    return yaml.load((root / "mkdocs.yml").read_text(encoding="utf-8"), _PlainLoader)["nav"]  # noqa: S506 - a SafeLoader


def nav_pages(nav: Any) -> Iterator[str]:
    """Yield the pages of a navigation in their order."""
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from nav_pages(value) if isinstance(value, list) else [value]


def description(text: str) -> str:
    """Return the first sentence below the heading of a page, without links."""
    paragraph = re.split(r"\n\s*\n", text.split("\n", 1)[1].strip())[0].replace("\n", " ")
    return re.split(r"(?<=[.]) ", re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", paragraph))[0]


def title(text: str) -> str:
    """Return the heading of a page."""
    return text.split("\n", 1)[0].removeprefix("# ")


def index_for_models(nav: Any, texts: dict[str, str]) -> str:
    """Return ``llms.txt``: each section of the navigation, with title and first sentence of its pages (llmstxt.org)."""
    lines = ["# webhook_kit", "", f"> {description(texts['readme.md'])}", ""]
    for section in nav:
        ((name, pages),) = section.items()
        lines += [f"## {name}", ""]
        lines += [
            f"- [{title(texts[page])}]({page.removesuffix('.md')}.html): {description(texts[page])}"
            for page in nav_pages(pages)
        ]
        lines.append("")
    lines += ["## Optional", "", "- [All pages](llms-full.txt)", "- [The public API](public-api.txt)", ""]
    return "\n".join(lines)


def pages_for_models(nav: Any, texts: dict[str, str], api: str) -> str:
    """Return ``llms-full.txt``: all pages, and the public API in place of the pages on which mkdocstrings renders it."""
    pages = [texts[page] for page in nav_pages(nav) if not page.startswith("api-")]
    return "\n\n".join([*pages, f"# The public API\n\n```python\n{api}```\n"])


def files_of_site(root: Path = ROOT) -> dict[str, str | bytes]:
    """Return all pages, images and other files, by their path below ``docs_dir``.

    :raises BrokenLinks: when a link leads nowhere.
    """
    docs, nav, texts = root / "docs", navigation(root), dict(Site(root).texts())
    others = [path for path in docs.rglob("*") if path.is_file() and path.suffix != ".md"]
    api = (docs / "public-api.txt").read_text(encoding="utf-8")
    return {
        **{path.relative_to(docs).as_posix(): path.read_bytes() for path in others},
        **texts,
        "llms.txt": index_for_models(nav, texts),
        "llms-full.txt": pages_for_models(nav, texts, api),
    }


def write(target: Path, root: Path = ROOT) -> None:
    """Write the files that have changed, and delete those that are no longer there; ``zensical serve`` then shows them.

    :raises BrokenLinks: when a link leads nowhere.
    """
    files = files_of_site(root)
    for path in [path for path in target.rglob("*") if path.is_file()]:
        if path.relative_to(target).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = target / name
        data = content.encode() if isinstance(content, str) else content
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


if __name__ == "__main__":
    try:
        write(ROOT / "build" / "docs")
    except BrokenLinks as broken:
        sys.exit(str(broken))
