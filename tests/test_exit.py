"""The end of a process with threads of a vendor's code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webhook_kit.testing.processes import PATIENCE
from webhook_kit.testing.redis_server import RedisServer

VENDOR = """
import json, threading, time
from webhook_kit.adapter import CatalogSet, Placed, PosAdapter

RAW = json.dumps({"items": {f"i{n}": {"itemId": f"i{n}", "name": "Soup", "basePrice": 1} for n in range(60000)}})
END = time.time() + 600

class Parsing(PosAdapter):
    "Is in a C extension whenever the process ends."
    def fetch_catalog(self, store):
        while time.time() < END:
            CatalogSet.model_validate_json(RAW)
    def place_order(self, store, order, key): return Placed(key)

class Waiting(Parsing):
    "Leaves an ordinary thread behind, for which an orderly exit of the interpreter waits."
    def fetch_catalog(self, store):
        threading.Thread(target=time.sleep, args=(600,), daemon=False).start()
        time.sleep(600)
"""


@pytest.mark.parametrize("vendor", ["Parsing", "Waiting"])
@pytest.mark.parametrize("command", [("catalog", "sync", "main"), ("catalog", "check", "main")])
def test_command_ends_while_a_catalog_is_being_fetched(
    vendor: str, command: tuple[str, ...], redis_server: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "vendor.py").write_text(VENDOR)
    env = {
        **os.environ,
        "REDIS_URL": redis_server.url,
        "KEY_PREFIX": f"{tmp_path.name[:20]}{vendor}:",
        "POS_ADAPTER": f"vendor:{vendor}",
        "GETT_STORE_ID": "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90",
        "GETT_WEBHOOK_SECRETS": "x" * 20,
        "CATALOG_DEADLINE": "0.5",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "webhook_kit.cli", *command],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        cwd=tmp_path,
        timeout=PATIENCE,
    )
    assert ran.returncode == 1, ran.stderr
    assert "did not answer" in ran.stdout + ran.stderr


def test_end_of_a_process_calls_exit_functions_and_writes_what_is_buffered() -> None:
    program = """
import atexit, sys
from webhook_kit import logs
from webhook_kit.exit import end_process
logs.configure()
atexit.register(lambda: print("called"))
logs.logger("a").info("line_written")
end_process(3)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (ran.returncode, ran.stdout, "line_written" in ran.stderr) == (3, "called\n", True)
