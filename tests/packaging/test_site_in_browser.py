"""The built site: every link leads somewhere, and every page works in a real browser without internet, on a phone and in the dark."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from flask import Flask
from playwright.sync_api import Browser, Error, Page, ViewportSize

from webhook_kit.sandbox.server import serve
from webhook_kit.testing.processes import PATIENCE

ROOT = Path(__file__).parents[2]
PHONE, DESKTOP = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=800)


def test_the_site_works_in_a_browser_without_internet(tmp_path: Path, browser: Browser) -> None:
    site = built_site(tmp_path)
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if path.name != "404.html")
    assert sorted(broken_links(site, pages)) == []
    app = Flask(__name__, static_folder=site, static_url_path="")
    with serve(app) as url:
        page = browser.new_page(color_scheme="dark", viewport=PHONE)
        page.set_default_timeout(1000 * PATIENCE)
        foreign, errors = watched(page, url)
        looked_at = [name for name in pages if not name.startswith("source/") or name.endswith("Procfile.html")]
        for name in looked_at:
            check_width(page, f"{url}/{name}")
        wait_for_brightness(page, "< 60")
        assert "dead" in search(page, f"{url}/index.html", "discard dead letters")
        page.emulate_media(color_scheme="light")
        wait_for_brightness(page, "> 200")
        assert (foreign, errors) == ([], [])
        page.close()


def built_site(folder: Path) -> Path:
    """Build the site with Zensical in an empty folder, and return the folder with its pages."""
    runpy.run_path(str(ROOT / "scripts" / "make_site.py"))["write"](folder / "build" / "docs")
    (folder / "scripts").mkdir()
    for name in ("mkdocs.yml", "scripts/griffe_markdown.py"):
        shutil.copy(ROOT / name, folder / name)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    subprocess.run(command, cwd=folder, env=env, timeout=2 * PATIENCE, check=True)
    return folder / "build" / "site"


# -- links, as the builder has written them ----------------------------------------------------------------------------


class Links(HTMLParser):
    """Ids and addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.ids.add(value or "")
            elif name in ("href", "src") and value:
                self.addresses.append(value)


def broken_links(site: Path, pages: list[str]) -> Iterator[str]:
    """Yield each address in the site that leads to no file, or to no place of a page."""
    parsed = {(site / name).resolve(): Links((site / name).read_text(encoding="utf-8")) for name in pages}
    for path, links in parsed.items():
        for address in links.addresses:
            if ":" in address.split("/")[0] or address.startswith("//"):
                continue
            target, anchor = map(unquote, urldefrag(address))
            there = (path.parent / target).resolve() if target else path
            anchors = parsed[there].ids if there in parsed else {anchor}
            if not there.exists() or (anchor and anchor not in anchors):
                yield f"{path.name}: {address}"


# -- the browser -------------------------------------------------------------------------------------------------------


def watched(page: Page, url: str) -> tuple[list[str], list[str]]:
    """Return lists that collect the requests to other hosts, and the errors of the pages."""
    foreign: list[str] = []
    errors: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:", "blob:")) else foreign.append(request.url),
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return foreign, errors


def check_width(page: Page, address: str) -> None:
    """Open a page, and wait until it does not scroll sideways. Long lines of code and wide tables scroll by themselves."""
    page.goto(address)
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        try:
            page.wait_for_function("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        except Error:
            pytest.fail(f"{address} scrolls sideways in a window of {size}")


def wait_for_brightness(page: Page, condition: str) -> None:
    """Wait until the brightness of the background (0 to 255) meets a condition: a page fades over to other colours."""
    page.wait_for_function(f"Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]) {condition}")


def search(page: Page, address: str, words: str) -> str:
    """Search from a page as a reader does with the keyboard, and return the address of the first result."""
    page.set_viewport_size(DESKTOP)
    page.goto(address)
    page.locator(".md-search__button").click()
    page.keyboard.type(words)
    page.get_by_text(re.compile(r"^\d+ results$")).wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.startswith(address))
    return page.url
