"""The site of ``docs/``: its pages, its links, the index for language models; both builders refuse a broken link."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import webhook_kit
from webhook_kit.testing.processes import PATIENCE

ROOT = Path(__file__).parents[2]
make_site = runpy.run_path(str(ROOT / "scripts" / "make_site.py"))
SITE = make_site["Site"](ROOT)
PAGES = {page: text for page, text in SITE.texts() if not page.startswith("source/")}
NAV = list(make_site["nav_pages"](make_site["navigation"]()))


def test_each_page_is_in_the_navigation_once() -> None:
    assert sorted(NAV) == sorted(PAGES), "nav of mkdocs.yml and the pages of docs/ differ"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_heading_and_opens_with_a_sentence(page: str) -> None:
    text = re.sub(r"^ *(`{3,}).*?^ *\1 *$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    assert text.startswith("# ")
    assert re.findall("^# .*", text, re.MULTILINE) == [PAGES[page].split("\n", 1)[0]]
    assert re.match(r"[A-Z`]", make_site["description"](PAGES[page])), (
        "the first sentence is the description in llms.txt"
    )


@pytest.mark.parametrize("page", PAGES)
def test_lists_of_a_page_are_lists_in_the_site_too(page: str) -> None:
    text = re.sub(r"^ *(`{3,}).*?^ *\1 *$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"^(?![*\-|#>\d])\S.*\n(?:[*-]|1\.) .*", text, re.MULTILINE), (
        "a list needs an empty line before it"
    )
    assert not re.findall(r"^ {1,3}(?:[*-]|\d+\.) .*", text, re.MULTILINE), "a list in a list is indented by four"


def test_each_public_name_is_on_one_page_of_the_api() -> None:
    shown = [
        name for page, text in PAGES.items() for name in re.findall(r"^::: webhook_kit\.(\w+)$", text, re.MULTILINE)
    ]
    assert sorted(shown) == sorted({*webhook_kit.__all__} - {"__version__"})


def test_only_what_has_changed_is_written(tmp_path: Path) -> None:
    make_site["write"](tmp_path)
    (tmp_path / "index.md").write_text("old")
    (tmp_path / "stale.md").touch()
    before = (tmp_path / "stores.md").stat()
    make_site["write"](tmp_path)
    assert (tmp_path / "stores.md").stat().st_mtime_ns == before.st_mtime_ns
    assert (tmp_path / "index.md").read_text() == PAGES["index.md"]
    assert not (tmp_path / "stale.md").exists()


def test_the_index_for_language_models_describes_each_page() -> None:
    files = make_site["files_of_site"]()
    index = files["llms.txt"]
    entries = re.findall(r"^- \[.+\]\((.+)\.html\): .*\w.*", index, re.MULTILINE)
    assert [f"{page}.md" for page in entries] == NAV
    full = files["llms-full.txt"]
    assert all(PAGES[page] in full for page in NAV if not page.startswith("api-"))
    assert "def place_order(self, store: Store" in full
    assert ":::" not in full


# -- links -------------------------------------------------------------------------------------------------------------


def site(root: Path, **files: str) -> dict[str, str]:
    """Return the pages of a project with these files; ``__`` in a name stands for ``/``."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return dict(make_site["Site"](root).texts())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "README.md",
        "SECURITY.md",
        "adapters/odoo/README.md",
        "docs/stores.md",
        "docs/images/a.png",
        "Procfile",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# a\n")
    return tmp_path


@pytest.mark.parametrize(
    ("link", "in_the_site"),
    [
        ("stores.md#onboarding", "stores.md#onboarding"),
        ("../README.md", "readme.md"),
        ("../SECURITY.md#a", "report-a-vulnerability.md#a"),
        ("../adapters/odoo", "adapters/odoo.md"),
        ("../Procfile", "source/Procfile.md"),
        ("images/a.png", "images/a.png"),
        ("https://example.org/x", "https://example.org/x"),
        ("#below", "#below"),
    ],
)
def test_a_link_leads_to_the_same_page_in_the_site(project: Path, link: str, in_the_site: str) -> None:
    (project / "docs" / "a.md").write_text(f"# a\n[x]({link})\n`[x]({link})`\n")
    assert dict(make_site["Site"](project).texts())["a.md"] == f"# a\n[x]({in_the_site})\n`[x]({link})`\n"


def test_a_link_that_shows_a_files_name_shows_the_pages_heading(project: Path) -> None:
    (project / "docs/stores.md").write_text("# Stores: where\n")
    (project / "SECURITY.md").write_text("See [docs/stores.md](docs/stores.md#a).\n")
    assert dict(make_site["Site"](project).texts())["report-a-vulnerability.md"] == "See [Stores](stores.md#a).\n"


def test_a_link_of_an_adapter_leads_up_to_the_pages(project: Path) -> None:
    (project / "adapters/odoo/README.md").write_text("[x](../../docs/stores.md)")
    assert dict(make_site["Site"](project).texts())["adapters/odoo.md"] == "[x](../stores.md)"


def test_the_page_of_an_example_links_to_its_files(project: Path) -> None:
    (project / "examples/a/.venv").mkdir(parents=True)
    (project / "examples/a/.venv/b.py").touch()
    (project / "examples/a/.gitignore").touch()
    (project / "examples/a/README.md").write_text("# a\n[x](.venv)\n")
    (project / "examples/a/pos.py").write_text("x = '''\n```\n'''\n")
    pages = dict(make_site["Site"](project).texts())
    assert pages["examples/a.md"].endswith("* [examples/a/pos.py](../source/examples/a/pos.py.md)\n")
    assert "* [examples/a/.gitignore](../source/examples/a/dot-gitignore.md)" in pages["examples/a.md"]
    assert "[x](a.md#files)" in pages["examples/a.md"]
    assert "``````python\nx = '''\n```\n'''\n``````" in pages["source/examples/a/pos.py.md"]


def test_a_link_that_leads_nowhere_is_reported_with_its_page(project: Path) -> None:
    (project / "docs" / "a.md").write_text("# a\n[x](b.md) [y](../tests)\n")
    with pytest.raises(make_site["BrokenLinks"], match=r"docs/a\.md: .* b\.md.*\n.*docs/a\.md: .* \.\./tests"):
        dict(make_site["Site"](project).texts())


# -- builders ----------------------------------------------------------------------------------------------------------

BUILDERS = {
    "zensical": ["zensical", "build", "--strict"],
    "mkdocs": ["mkdocs", "build", "--strict", "-f", "mkdocs-fallback.yml"],
}


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_builder_refuses_links_that_lead_nowhere(tmp_path: Path, builder: str) -> None:
    for name in ("mkdocs.yml", "mkdocs-fallback.yml", "scripts/griffe_markdown.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = re.sub(r"^nav:\n(?: .*\n)+", "", (ROOT / name).read_text(), flags=re.MULTILINE)
        (tmp_path / name).write_text(text)
    (tmp_path / "build/docs").mkdir(parents=True)
    (tmp_path / "build/docs/site.css").touch()
    (tmp_path / "build/docs/index.md").write_text("# a\n\n[y](#no-heading) [z](no-page.md)\n\n## Heading\n")
    command = [sys.executable, "-m", *BUILDERS[builder]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    said = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)  # Zensical colours each letter of a link
    assert done.returncode == 1
    assert "#no-heading" in said
    assert "no-page.md" in said
