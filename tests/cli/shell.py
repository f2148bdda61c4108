"""A shell in which a test runs commands of the kit, and reads what they say."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from webhook_kit import logs
from webhook_kit.adapter import Placed
from webhook_kit.cli import main
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.placement.claims import AttemptOutcome, Claim

STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"


ORDER = {
    "cart": {"storeId": STORE_ID, "lineItems": [{"itemId": "cola"}]},
    "fulfillmentType": "Pickup",
    "amounts": {"subTotal": 2.75, "total": 2.75},
    "customer": {"email": "ann@example.test", "phone": "+15550100"},
}


class Shell:
    """Runs commands with the kit's configuration: in this process, because a new one takes a second to start."""

    def __init__(self, kit: Kit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.kit = kit
        self.env = {
            "REDIS_URL": kit.settings.redis_url,
            "KEY_PREFIX": kit.settings.key_prefix,
            "GETT_WEBHOOK_SECRETS": "whsec_test",
            "GETT_API_KEY": "key_test",
            "GETT_API_URL": "http://127.0.0.1:1",  # nobody listens there
            "POS_ADAPTER": "bogus",
            "GETT_STORE_ID": STORE_ID,
        }
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str, **env: str) -> tuple[int, str]:
        """Exit status and output. What would be a traceback passes through."""
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["webhook-kit", *arguments])
            for name, value in {**self.env, "COLUMNS": "200", **env}.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                main()
        output = self._capsys.readouterr()
        # Which Gett is changed is the subject of tests/cli/test_common.py.
        return int(left.value.code or 0), output.out + re.sub(r"\Aat http.*, prefix .*\n", "", output.err)

    def good(self, *arguments: str, **env: str) -> str:
        status, output = self.run(*arguments, **env)
        assert status == 0, output
        return output

    def bad(self, *arguments: str, **env: str) -> list[str]:
        """The lines in which a command says why it failed."""
        status, output = self.run(*arguments, **env)
        assert status == 1, output
        # A thread of an earlier test's kit may log that its Redis is gone.
        lines = [line for line in output.splitlines() if "metrics_not_written" not in line]
        assert lines
        assert all(line.startswith("webhook-kit: ") for line in lines), output
        return [line.removeprefix("webhook-kit: ") for line in lines]

    def doubt(self, key: str = "k1", gett_id: str = "g1", *, called: bool = True) -> Claim:
        """An order in doubt."""
        claim = self.kit.placement_store.claim(key=key, gett_id=gett_id, store_id="main", fingerprint="f")
        assert isinstance(claim, Claim)
        if called:
            self.kit.placement_store.record_call(claim, json.dumps(ORDER).encode())
        self.kit.placement_store.settle(claim, AttemptOutcome.IN_DOUBT)
        return claim

    def placed(self, claim: Claim, ticket: str) -> None:
        order = PlaceOrderRequest.model_validate(ORDER)
        self.kit.placement.record(claim, order, Placed(ticket))

    def state(self, ref: str = "g1") -> str:
        return (self.kit.placement_store.find(ref) or {})["state"]


@pytest.fixture
def shell(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    # How a process logs is for its whole life.
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    return Shell(kit, monkeypatch, capsys)
