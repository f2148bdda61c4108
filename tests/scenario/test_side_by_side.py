"""Two versions of the kit on one Redis, as during a deploy and after a step back, while orders go on (docs/upgrading.md).

The next version is a copy of the package that writes each record in a later form.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.scenario.fleet import ROOT, STEPS, Fleet, OrderLoad, PlacedOrder, statuses
from webhook_kit.storage import formats
from webhook_kit.testing.processes import wait_until


def next_version(directory: Path) -> str:
    """Copy the package, let it write later forms, and return the ``PYTHONPATH`` that finds the copy first."""
    shutil.copytree(ROOT / "webhook_kit", directory / "webhook_kit", ignore=shutil.ignore_patterns("__pycache__"))
    source = directory / "webhook_kit/storage/formats.py"
    changed, count = re.subn(
        r"^([A-Z][A-Z_]*) = (\d+)$",
        lambda match: f"{match[1]} = {int(match[2]) + 1}",
        source.read_text(),
        flags=re.MULTILINE,
    )
    assert count == len([name for name in formats.__all__ if name.isupper()])
    source.write_text(changed)
    return f"{directory}:{ROOT}"


def test_nothing_is_lost_or_doubled_in_a_deploy_and_after_a_step_back(tmp_path: Path) -> None:
    this, later = str(ROOT), next_version(tmp_path / "next")
    with Fleet(tmp_path, ALLOW_PLAINTEXT_CREDENTIALS="true") as fleet:
        with OrderLoad(fleet) as load:
            fleet.restart("web1", PYTHONPATH=later)
            load.more()
            for kind in ("push", "sync"):
                fleet.add_worker(f"later-{kind}", kind, PYTHONPATH=later)
            load.more(10)
            wait_until(lambda: any(503 in order.answers for order in load.orders), message="a later record to be met")
        load.assert_nothing_lost()
        assert "newer_record_left_alone" in fleet.processes["web0"].output()

        # The deploy is taken back, while an order of the later version is being cooked.
        order = PlacedOrder()
        load.orders.append(order)
        fleet.processes["web0"].terminate()
        load.place(order)
        for name in ("later-push", "later-sync"):
            fleet.processes[name].terminate()
        fleet.restart("web1", PYTHONPATH=this)
        fleet.restart("web0")
        assert [load.try_to_place(order, web) for web in (0, 1)] == [503, 503]
        assert load.report(order, STEPS[0]) == ["held"]
        with OrderLoad(fleet) as others:
            others.more()
        load.orders += others.orders

        # With the later version again, everything that has waited goes on.
        fleet.restart("web1", PYTHONPATH=later)
        for name in ("later-push", "later-sync"):  # a worker appends what the other version holds
            fleet.processes[name].start()
        assert load.try_to_place(order, 1) == 200
        for step in STEPS[1:]:
            load.report(order, step)
        load.assert_nothing_lost()
        updates = fleet.stack.gett.update_log
        wait_until(lambda: statuses(updates.updates(order.id))[-1:] == ["completed"], message="the end of the order")
