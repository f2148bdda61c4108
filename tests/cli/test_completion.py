"""``webhook-kit completion``, in the shells that are installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import STORE_ID
from webhook_kit.testing.processes import PATIENCE, free_port

COMPLETE = """
source completion.sh
COMP_WORDS=({words}) COMP_CWORD={index} COMP_TYPE=9
compopt() {{ :; }}
_webhook_kit_completion webhook-kit
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the command, which a shell runs by its name, and its completion."""
    program = tmp_path / "webhook-kit"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m webhook_kit.cli "$@"\n')
    program.chmod(0o755)
    script = subprocess.run([program, "completion", "bash"], capture_output=True, check=True, timeout=PATIENCE)
    (tmp_path / "completion.sh").write_bytes(script.stdout)
    return tmp_path


def completions(folder: Path, *words: str, **env: str) -> list[str]:
    script = COMPLETE.format(words=" ".join(f"'{word}'" for word in ("webhook-kit", *words)), index=len(words))
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert ran.stderr == ""
    return ran.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_options_and_names(folder: Path) -> None:
    assert completions(folder, "st") == ["stores"]
    assert {"list", "pause", "show"} <= set(completions(folder, "stores", ""))
    assert completions(folder, "sandbox", "log", "--fo") == ["--follow"]
    assert completions(folder, "completion", "") == ["bash", "zsh", "fish"]
    assert "bogus" in completions(folder, "adapters", "show", "b")
    assert completions(folder, "schema", "placeord") == ["PlaceOrderRequest"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_stores_are_completed_also_without_redis_and_settings(folder: Path) -> None:
    no_redis = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    store = {"POS_ADAPTER": "bogus", "GETT_STORE_ID": STORE_ID, "POS_STORE_ID": "corner"}
    assert completions(folder, "stores", "pause", "c", **store, **no_redis) == ["corner"]
    assert completions(folder, "stores", "pause", "x", **store, **no_redis) == []
    assert completions(folder, "stores", "pause", "", **store, POS_DEADLINE="soon") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script(shell: str) -> None:
    command = [sys.executable, "-m", "webhook_kit.cli", "completion", shell]
    script = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    assert f"_WEBHOOK_KIT_COMPLETE={shell}_complete" in script
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n"], input=script, text=True, check=True, timeout=PATIENCE)
