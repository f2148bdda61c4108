"""The output of an adapter is captured."""

from __future__ import annotations

from webhook_kit import logs
from webhook_kit.testing.contract.spy import captured_output


def test_output_of_every_level_is_captured_whatever_the_process_has_configured() -> None:
    logs.configure("ERROR", "console")
    with captured_output() as lines:
        logs.logger("vendor").info("pos_called", token="secret")
    assert ["secret" in line for line in lines] == [True]
