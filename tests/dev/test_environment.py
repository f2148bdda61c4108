"""Tests of ``webhook-kit dev`` with real processes, a pseudo-terminal, and an adapter file that is edited."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil
import pytest
import requests
from click.testing import CliRunner

from webhook_kit.cli.dev import command
from webhook_kit.dev.environment import DevEnvironment
from webhook_kit.testing.processes import PATIENCE, interruptible, wait_until

COMMAND = [sys.executable, "-m", "webhook_kit.cli", "dev"]

TINY = """
from decimal import Decimal
from webhook_kit.adapter import CatalogSet, Placed, PosAdapter, Refused, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.models.order import PlaceOrderRequest

class DevPos(PosAdapter):
    def fetch_catalog(self, store: Store) -> CatalogSet:
        return simple_catalog({"Pizza": [ExternalItem(item_id="margherita", name="Margherita", base_price=Decimal("9.50"))]})

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> Placed | Refused:
        print("PLACED", store.options.get("register"), flush=True)
        return Placed(key)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a small adapter in it."""
    (tmp_path / "dev_pos.py").write_text(TINY)
    return tmp_path


class Terminal:
    """The command on a pseudo-terminal; a context manager that ends it."""

    def __init__(self, cwd: Path, *arguments: str) -> None:
        self._descriptor, other = pty.openpty()
        self._output = bytearray()
        env = {**os.environ, "TERM": "dumb", "COLUMNS": "200", "BROWSER": "true"}
        with interruptible():
            self.process = subprocess.Popen(
                [*COMMAND, *arguments],
                cwd=cwd,
                env=env,
                stdin=other,
                stdout=other,
                stderr=other,
                start_new_session=True,
            )
        os.close(other)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)
        os.close(self._descriptor)

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._descriptor, 65536)
            except OSError:  # the other side is closed
                return
            if not piece:
                return
            self._output += piece

    @property
    def text(self) -> str:
        return self._output.decode(errors="replace")

    def press(self, key: str) -> None:
        os.write(self._descriptor, key.encode())

    def until(self, pattern: str, timeout: float = PATIENCE) -> re.Match[str]:
        def search() -> re.Match[str] | None:
            assert self.process.poll() is None or re.search(pattern, self.text), self.text
            return re.search(pattern, self.text)

        try:
            match = wait_until(search, timeout, pattern)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.text}") from None
        assert match is not None
        return match

    def end(self) -> int:
        return self.process.wait(PATIENCE)


@contextmanager
def requesting(url: str) -> Iterator[list[object]]:
    """Request ``/healthz`` again and again during the block: the list of the answers' statuses, or of errors."""
    answers: list[object] = []
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                answers.append(requests.get(f"{url}/healthz", timeout=PATIENCE).status_code)
            except requests.RequestException as error:
                answers.append(repr(error))

    thread = threading.Thread(target=run)
    thread.start()
    yield answers
    stop.set()
    thread.join()


@pytest.fixture
def no_process_left() -> Iterator[None]:
    """Check that every process that the test started has ended."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    wait_until(
        lambda: (
            not [
                child
                for child in psutil.Process().children(recursive=True)
                if child.pid not in before and child.status() != psutil.STATUS_ZOMBIE
            ]
        ),
        message="every process to end",
    )


def test_demo_ends_by_itself_without_a_terminal(project: Path, no_process_left: None) -> None:
    done = subprocess.run(
        [*COMMAND, "dev_pos:DevPos", "--demo", "--option", "register=3"],
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "onboarding: done, Gett: active",
        "delivered twice, one ticket",
        "done: every order placed once",
        "PLACED 3",
    ):
        assert line in done.stdout, done.stdout
    assert done.stderr == ""


def test_failed_demo_names_the_step(project: Path, no_process_left: None) -> None:
    file = project / "dev_pos.py"
    file.write_text(
        TINY.replace("return Placed(key)", 'return Refused(Reason.OTHER, "the printer is broken")').replace(
            "Placed,", "Placed, Reason,"
        )
    )
    done = subprocess.run(
        [*COMMAND, "dev_pos:DevPos", "--demo"],
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("webhook-kit: place an order: "), done.stderr
    assert "the printer is broken" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere:Pos"], "there is no module 'nowhere'"),
        (["dev_pos:DevPos", "--option", "x"], "write NAME=VALUE"),
        (["dev_pos:DevPos", "--timezone", "Mars/Base"], "Mars/Base"),
    ],
)
def test_wrong_arguments_give_one_line(
    project: Path, arguments: list[str], message: str, no_process_left: None
) -> None:
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_of_another_terminal_act_on_it(project: Path, no_process_left: None) -> None:
    with Terminal(project, "bogus", "--option", "outcomes=hidden", "--no-open") as terminal:
        file = terminal.until(r"in another terminal: \. (/\S+)")[1]
        terminal.until("place a random order")

        def run(line: str) -> str:
            script = f". {file} && {sys.executable} -m webhook_kit.cli {line}"
            ran = subprocess.run(
                ["sh", "-c", script],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
            return ran.stdout

        assert ": placed as " in run("trigger placeOrder --set customer.firstName=Ann")
        assert "placed" in run("order list")
        assert "registerStore" in run("sandbox log --call registerStore")
        terminal.press("q")
        assert terminal.end() == 0
    assert not Path(file).exists()


def test_keys_act_and_a_saved_file_is_reloaded_at_a_terminal(project: Path, no_process_left: None) -> None:
    with Terminal(project, "dev_pos:DevPos", "--option", "register=7") as terminal:
        url = terminal.until(r"storefront: (http://\S+)")[1]
        terminal.until("place a random order")
        assert requests.get(f"{url}/__sandbox/log", timeout=PATIENCE).ok
        terminal.press("r")
        terminal.until("there is no order to repeat")
        terminal.press("o")
        terminal.until(r"your POS +place_order +accepted")
        terminal.until("PLACED 7")
        terminal.until(r"you → Gett +orders \S+ status +confirmed +202")
        terminal.press("p")
        terminal.until(r"paused too_busy +200")
        terminal.press("p")
        terminal.until(r"online +200")
        terminal.press("f")
        terminal.until("fault: Gett delivers the next placeOrder twice")
        file = project / "dev_pos.py"
        file.write_text(TINY.replace('"PLACED"', '"PLACED AGAIN"').replace("9.50", "8.25"))
        terminal.until(r"dev_pos.py changed: reloading the adapter")
        terminal.until(r"catalogset-notification +202\s+\S+ +Gett pulls")
        wait_until(lambda: requests.get(f"{url}/__sandbox/log", timeout=PATIENCE).ok)
        terminal.press("r")
        terminal.until("PLACED AGAIN 7")
        terminal.until("dev_pos.py loaded")
        file.write_text(TINY.replace('"PLACED"', '"BROKEN"') + "\ndef (\n")
        terminal.until(r"dev_pos.py, line \d+: SyntaxError: invalid syntax; the last good code goes on")
        placed = terminal.text.count("PLACED AGAIN 7")
        terminal.press("r")
        wait_until(lambda: terminal.text.count("PLACED AGAIN 7") > placed, message="an order with the last good code")
        with requesting(terminal.until(r"webhooks: (http://\S+)")[1]) as answers:
            file.write_text(TINY.replace('"PLACED"', '"REPAIRED"'))
            wait_until(lambda: terminal.text.count("dev_pos.py loaded") == 2, message="the repaired code")
        assert set(answers) == {200}
        terminal.press("r")
        terminal.until("REPAIRED 7")
        terminal.press("q")
        assert terminal.end() == 0
    assert "Traceback" not in terminal.text


def test_ctrl_c_stops_every_process(project: Path, no_process_left: None) -> None:
    with Terminal(project, "dev_pos:DevPos", "--no-open") as terminal:
        terminal.until("place a random order")
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.end() == 0
    assert "Traceback" not in terminal.text


def test_sandbox_takes_further_names(monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[object] = []

    class Created(Exception):
        pass

    def create(*_arguments: object, hosts: object, **_options: object) -> None:
        created.append(hosts)
        raise Created

    monkeypatch.setattr("webhook_kit.dev.environment.DevEnvironment", create)
    monkeypatch.setattr("webhook_kit.cli.dev.logs.configure", lambda *_: None)
    result = CliRunner().invoke(command, ["bogus", "--host", "gett", "--host", "localhost.gett"])
    assert (type(result.exception), created) == (Created, [("gett", "localhost.gett")])
    assert DevEnvironment("bogus", hosts=["gett"]).sandbox.hosts == ["gett"]
