"""The output of an adapter is captured."""

from __future__ import annotations

import logging

import structlog

from webhook_kit import logs
from webhook_kit.testing.contract.spy import captured_output


def test_output_of_every_level_is_captured_whatever_the_process_has_configured() -> None:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        with captured_output() as lines:
            logs.logger("vendor").info("pos_called", token="secret")
    finally:
        structlog.configure(**before)
    assert ["secret" in line for line in lines] == [True]
