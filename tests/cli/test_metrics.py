from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable

import pytest

from tests.cli.conftest import Ran
from webhook_kit.kit import Kit
from webhook_kit.metrics.definitions import PLACEMENTS
from webhook_kit.testing.processes import Process, free_port


def test_metrics_are_printed(run: Callable[..., Ran], kit: Kit) -> None:
    PLACEMENTS.count("placed")
    kit.metrics.flush()
    ran = run("metrics")
    assert ran.status == 0
    assert 'webhook_kit_placements_total{outcome="placed"}' in ran.out


def test_metrics_are_served_on_a_port_of_their_own(kit: Kit) -> None:
    port = free_port()
    environment = {
        "REDIS_URL": kit.settings.redis_url,
        "KEY_PREFIX": kit.settings.key_prefix,
        "METRICS_PORT": str(port),
    }
    command = [sys.executable, "-m", "webhook_kit.cli", "metrics", "serve"]
    with Process(command, env=environment) as serving:
        serving.wait_http(f"http://127.0.0.1:{port}/metrics")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
            assert b"webhook_kit_up 1.0" in response.read()
        with Process(command, env=environment) as second:
            assert second.wait() == 1
            assert f"--port {port}: Address already in use" in second.output()
            assert "Traceback" not in second.output()
        assert serving.terminate() == 0


@pytest.mark.parametrize("host", ["\udcff", "a" * 300])
def test_a_host_that_can_be_none_is_one_line(host: str, run: Callable[..., Ran]) -> None:
    ran = run("metrics", "serve", "--host", host)
    assert ran.status == 1
    assert "should be an IP address" in ran.err
    assert len(ran.err.splitlines()) == 1
