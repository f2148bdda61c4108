"""``webhook-kit catalog check`` and ``diff``, of files, addresses and stores."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.tcp_server import FakeServer, Serve, responding, trickling
from webhook_kit.cli import catalog_source
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.processes import PATIENCE, free_port

Run = Callable[..., Any]


def menu(**items: float) -> dict[str, Any]:
    days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    always = [{"dayOfWeek": day, "start": "00:00:00", "end": "00:00:00"} for day in days]
    return {
        "catalogs": {"c": {"catalogId": "c", "name": "All day", "sectionIds": ["s"], "availability": always}},
        "sections": {"s": {"sectionId": "s", "name": "Food", "itemIds": list(items)}},
        "items": {key: {"itemId": key, "name": key.title(), "basePrice": price} for key, price in items.items()},
    }


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, Any], str]:
    def write(name: str, data: Any) -> str:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return str(path)

    return write


Save = Callable[[str, Any], str]


@pytest.fixture
def web() -> Iterator[tuple[str, dict[str, tuple[int, bytes]]]]:
    """A web server and what it answers, by path."""
    pages: dict[str, tuple[int, bytes]] = {}

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = pages.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", pages
        server.shutdown()


def test_a_good_file_is_all_well(run: Run, save: Save) -> None:
    ran = run("catalog", "check", save("menu.json", menu(soup=5)))
    assert ran.status == 0
    assert ran.out.splitlines()[-1].endswith("menu.json: 0 errors, 0 warnings, 1 items")


def test_errors_are_listed_by_rule_with_a_hint_and_end_with_status_1(run: Run, save: Save) -> None:
    wire = menu(soup=5)
    wire["sections"]["s"]["itemIds"] += ["gone", "lost"]
    wire["items"]["soup"]["name"] = " "
    ran = run("catalog", "check", save("menu.json", wire))
    assert ran.status == 1
    assert ran.out.splitlines()[:4] == [
        "error dangling-reference",
        "  $.sections['s'].itemIds[1]: there is no item 'gone'",
        "  $.sections['s'].itemIds[2]: there is no item 'lost'",
        "  → Add the missing entity, or remove the reference.",
    ]
    assert "warning blank-name" in ran.out
    assert "2 errors, 1 warning, 1 items" in ran.out


def test_warnings_alone_are_no_failure(run: Run, save: Save) -> None:
    wire = menu(soup=5)
    wire["items"]["soup"]["name"] = ""
    assert run("catalog", "check", save("menu.json", wire)).status == 0


def test_json_holds_everything(run: Run, save: Save) -> None:
    wire = menu(soup=5)
    wire["sections"]["s"]["itemIds"] = [f"gone-{n}" for n in range(50)]
    file = save("menu.json", wire)
    ran = run("catalog", "check", file, "--json")
    told = json.loads(ran.out)
    assert ran.status == 1
    assert (told["errors"], told["warnings"]) == (50, 0)
    assert told["findings"][0] == {
        "severity": "error",
        "rule": "dangling-reference",
        "path": "$.sections['s'].itemIds[0]",
        "message": "there is no item 'gone-0'",
        "hint": "Add the missing entity, or remove the reference.",
    }
    assert "… and 30 more" in run("catalog", "check", file).out


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"items": 5}'])
def test_bytes_of_any_kind_are_findings(raw: bytes, run: Run, save: Save) -> None:
    ran = run("catalog", "check", save("menu.json", raw))
    assert ran.status == 1
    assert ran.out.startswith("error ")


def test_a_file_that_is_too_large_is_not_read_to_its_end(run: Run, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_source, "MAX_CATALOG_BYTES", 10)
    assert catalog_source.read_source(save("menu.json", b"x" * 1_000)) == b"x" * 11


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_with_a_byte_order_mark_is_read(encoding: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    file.write_bytes(bogus_catalog().to_json().decode().encode(encoding))
    assert run("catalog", "check", file).status == 0


def test_a_file_in_another_encoding_is_one_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    file.write_bytes('{"name": "Café"}'.encode("cp1252"))
    ran = run("catalog", "check", file)
    assert (ran.status, ran.err) == (1, f"webhook-kit: {file}: byte 13 is not UTF-8; save the file as UTF-8\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_fits_a_terminal_that_is_not_utf_8(encoding: str, save: Save) -> None:
    command = [sys.executable, "-m", "webhook_kit.cli", "catalog", "check", save("catalog.json", b"no JSON")]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, check=False, env=env, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert b"\\u2192 Write it with a JSON library" in done.stdout
    assert b"Traceback" not in done.stderr


def test_a_directory_is_one_line(run: Run, tmp_path: Path) -> None:
    ran = run("catalog", "check", tmp_path)
    assert ran.status == 1
    assert ran.err == f"webhook-kit: {tmp_path}: Is a directory\n"


def test_a_menu_is_fetched_from_an_address(run: Run, web: Any) -> None:
    url, pages = web
    pages["/menu.json"] = 200, json.dumps(menu(soup=5)).encode()
    assert run("catalog", "check", f"{url}/menu.json").status == 0


@pytest.mark.parametrize(
    ("path", "said"), [("/missing", "the server answered 404"), ("/down", "the server answered 503")]
)
def test_an_address_that_answers_otherwise_is_one_line(path: str, said: str, run: Run, web: Any) -> None:
    url, pages = web
    pages["/down"] = 503, b"{}"
    ran = run("catalog", "check", url + path)
    assert ran.status == 1
    assert ran.err == f"webhook-kit: {url}{path}: {said}\n"


def test_an_address_that_does_not_answer_is_one_line(run: Run) -> None:
    ran = run("catalog", "check", f"http://127.0.0.1:{free_port()}/menu.json")
    assert ran.status == 1
    assert ran.err.endswith("cannot be fetched (ConnectionError)\n")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("url", ["http://", "http://[::1", "https:///x"])
def test_an_address_that_is_none_is_one_line(url: str, run: Run) -> None:
    ran = run("catalog", "check", url)
    assert ran.status == 1
    assert ran.err.count("\n") == 1


def test_a_download_ends_at_the_limit_and_at_the_deadline(run: Run, web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url, pages = web
    pages["/menu.json"] = 200, b"x" * 1_000_000
    monkeypatch.setattr(catalog_source, "MAX_CATALOG_BYTES", 10)
    assert len(catalog_source.read_source(f"{url}/menu.json")) <= 65_536
    monkeypatch.undo()
    monkeypatch.setattr(catalog_source, "_DEADLINE", -1.0)
    with pytest.raises(catalog_source._Unreadable, match="took longer"):
        catalog_source.read_source(f"{url}/menu.json")


@pytest.mark.parametrize("store", ["main", "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"])
def test_a_store_s_menu_is_fetched_from_its_pos(store: str, run: Run) -> None:
    ran = run("catalog", "check", store)
    assert ran.status == 0
    assert "0 errors, 0 warnings" in ran.out


def test_a_pos_that_fails_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no menu today")

    monkeypatch.setattr(BogusAdapter, "fetch_catalog", fail)
    assert run("catalog", "check", "main").err.splitlines()[-1] == (
        "webhook-kit: store main: fetch_catalog() failed (RuntimeError: no menu today)"
    )
    dish = {"itemId": "soup", "name": "Soup", "basePrice": "2,50"}
    monkeypatch.setattr(BogusAdapter, "fetch_catalog", lambda *_: ExternalItem.model_validate(dish))
    assert run("catalog", "check", "main").err.splitlines()[-1] == (
        "webhook-kit: store main: fetch_catalog() built an invalid catalog: ExternalItem.basePrice: item 'soup': should be a number, "
        "not '2,50'"
    )
    monkeypatch.setattr(BogusAdapter, "fetch_catalog", lambda *_: {})
    assert "returned dict" in run("catalog", "check", "main").err


@pytest.mark.parametrize("arguments", [["check", "nowhere"], ["check"], ["diff", "main"], ["diff", "main", "nowhere"]])
def test_what_is_no_source_is_wrong_usage(arguments: list[str], run: Run) -> None:
    ran = run("catalog", *arguments)
    assert ran.status == 2
    assert "Usage:" in ran.err


def test_two_menus_are_compared(run: Run, save: Save) -> None:
    old, new = save("old.json", menu(soup=5, bread=2)), save("new.json", menu(soup=5.5, cake=3))
    ran = run("catalog", "diff", old, new)
    assert ran.status == 0
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["repriced", "Soup", "5.00", "5.50", "$.items['soup']"] in rows
    assert ["removed", "Bread", "$.items['bread']"] in rows
    assert ["added", "Cake", "$.items['cake']"] in rows
    assert rows[-1] == ["3", "changes"]
    told = json.loads(run("catalog", "diff", old, new, "--json").out)
    assert [change["kind"] for change in told["changes"]] == ["removed", "repriced", "added"]


def test_a_file_is_compared_with_what_the_store_has(run: Run, save: Save) -> None:
    file = save("menu.json", bogus_catalog().to_json())
    assert run("catalog", "diff", file, "main").out == "0 changes\n"


@pytest.mark.parametrize("document", [{}, {"dishes": []}, {"data": menu(soup=5)}, [menu(soup=5)]])
def test_document_that_is_not_a_catalog_cannot_be_compared(document: Any, run: Run, save: Save) -> None:
    good, other = save("good.json", menu(soup=5)), save("other.json", document)
    for pair in ((good, other), (other, good), (other, other)):
        ran = run("catalog", "diff", *pair)
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.startswith(f"webhook-kit: {other}: $: found ")


def test_what_cannot_be_read_cannot_be_compared(run: Run, save: Save) -> None:
    broken = save("broken.json", {"items": {"a": {"itemId": "a"}}})
    ran = run("catalog", "diff", broken, "main")
    assert ran.status == 1
    assert ran.err.splitlines()[0] == f"webhook-kit: {broken}: $.items['a'].name: is missing"


def test_a_download_that_trickles_ends_at_the_deadline(
    start_server: Callable[[Serve], FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_source, "_DEADLINE", 0.5)
    for begin in (b"HTTP/1.1 200 OK\r\nX-More: ", b"HTTP/1.1 200 OK\r\n\r\n"):
        with pytest.raises(catalog_source._Unreadable, match="took longer"):
            catalog_source.read_source(start_server(trickling(begin)).url)


def test_a_download_ends_at_the_limit_after_decompression(
    start_server: Callable[[Serve], FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_source, "MAX_CATALOG_BYTES", 1_000_000)
    body = gzip.compress(bytes(20_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert len(catalog_source.read_source(start_server(responding(head + body)).url)) == 1_000_001
