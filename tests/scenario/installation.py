"""Test environment of the documentation: an installation with the store and the files of the pages."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import click
import pytest

from tests.cli.shell import ORDER, Shell
from tests.scenario.documented import ROOT, blocks
from webhook_kit import Store
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.dead_letter_jobs import DeadLetterAction, start_job
from webhook_kit.operations.dead_letters import DeadLetterFilter
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.stores.cipher import new_key
from webhook_kit.testing.bogus import BogusAdapter


class Installation:
    """An installation with the store of the pages, at a local Gett, in an empty directory with the files of the pages."""

    def __init__(self, shell: Shell, gett: GettSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell, self.kit, self.gett = shell, shell.kit, gett
        monkeypatch.setattr(click, "prompt", lambda *_, **__: "s" * 40)
        package = tmp_path / "my_pos"
        package.mkdir()
        (readme,) = (block for block in blocks() if (block.page, block.language) == ("README.md", "python"))
        (package / "__init__.py").write_text(readme.text, encoding="utf-8")
        (package / "adapter.py").write_text(
            "from webhook_kit.testing.bogus import BogusAdapter\nclass MyPos(BogusAdapter): pass\n"
        )
        for example in ("tiny_pos", "stores_from_database", "order_events"):
            shutil.copytree(ROOT / "examples" / example, tmp_path, dirs_exist_ok=True)
        sys.modules.pop("my_pos", None)
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "corner_pos").mkdir()
        shutil.copytree(ROOT / "examples/third_party_adapter/corner_pos", tmp_path / "corner_pos", dirs_exist_ok=True)
        (tmp_path / "catalog.json").write_bytes(BogusAdapter().fetch_catalog(Store("main", "", "bogus")).to_json())
        (tmp_path / "order.json").write_text(json.dumps(ORDER))
        self.gett_id = gett.add_store("main-street")
        self.env = {
            **shell.env,
            "POS_ADAPTER": "",
            "GETT_STORE_ID": "",
            "GETT_API_URL": gett.url,
            "GETT_API_KEY": gett.api_key,
            "PUBLIC_URL": "http://127.0.0.1:1",
            "WEBHOOK_KIT_KEY": new_key(),
        }
        self.run("stores add main-street --adapter bogus --gett-id", self.gett_id, "--option", "old-option=1")

    def run(self, line: str, *more: str, **env: str) -> str:
        return self.shell.good(*shlex.split(line.replace("webhook-kit ", "")), *more, **{**self.env, **env})

    def placed(self, ref: str) -> None:
        self.shell.placed(self.shell.doubt(f"k-{ref}", ref), "4711")

    def dead_letters(self, *numbers: int) -> None:
        for number in numbers:
            self.kit.redis.set(self.kit.keys.last_update, number - 1)
            self.kit.order_updates.progress(f"order-{number}", "confirmed")
            (lease,) = self.kit.lanes.lease(1, 60_000).leases
            self.kit.lanes.dead_letter(lease, "422: no", 422)

    def job(self, job_id: str) -> None:
        actor = Actor("jo", Role.OPERATOR, "cli")
        job = start_job(self.kit, actor, DeadLetterAction.DISCARD, DeadLetterFilter(), "")
        self.kit.redis.rename(self.kit.keys.dead_letter_job(job.id), self.kit.keys.dead_letter_job(job_id))


@pytest.fixture
def installation(
    shell: Shell, gett_sandbox: GettSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    return Installation(shell, gett_sandbox, tmp_path, monkeypatch)
