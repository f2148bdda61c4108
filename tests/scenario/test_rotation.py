"""Each secret is rotated while orders go on, as docs/rotating-secrets.md says: nothing is refused, lost, doubled or out of order.

``make test`` rotates all of them together; ``make rotation`` each one alone, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scenario.fleet import Fleet, OrderLoad
from webhook_kit.stores.cipher import new_key
from webhook_kit.testing.stack import API_KEY, SECRET

ENCRYPTION = new_key(), new_key()


@dataclass(frozen=True)
class Rotation:
    """Rotation of one secret.

    :ivar variable: the setting.
    :ivar at_gett: changes the secret at Gett, at any moment between the steps.
    """

    variable: str
    old: str
    new: str
    at_gett: Callable[[Fleet], None] = lambda _fleet: None

    def setting(self, step: str) -> dict[str, str]:
        """Return the setting of a step: the names of the secrets that it lists."""
        return {self.variable: ",".join(getattr(self, name) for name in step.split(","))}


def change_secret(fleet: Fleet) -> None:
    fleet.stack.gett.context.secret = "whsec_new"


def change_api_key(fleet: Fleet) -> None:
    fleet.stack.gett.context.api_key = "key_new"


WEBHOOK_SECRET = Rotation("GETT_WEBHOOK_SECRETS", SECRET, "whsec_new", change_secret)
"""The keys of tokens are derived from these secrets where TOKEN_SECRETS is not set, and change with them."""
API_KEYS = Rotation("GETT_API_KEY", API_KEY, "key_new", change_api_key)
TOKEN_KEY = Rotation("TOKEN_SECRETS", "t" * 32, "T" * 32)
ENCRYPTION_KEY = Rotation("WEBHOOK_KIT_KEY", *ENCRYPTION)

LONG = pytest.mark.skipif("ROTATE_EACH_ALONE" not in os.environ, reason="make rotation")


@pytest.mark.parametrize(
    "rotations",
    [
        pytest.param([WEBHOOK_SECRET, API_KEYS, TOKEN_KEY, ENCRYPTION_KEY], id="all"),
        *(
            pytest.param([one], id=one.variable, marks=LONG)
            for one in (WEBHOOK_SECRET, API_KEYS, TOKEN_KEY, ENCRYPTION_KEY)
        ),
    ],
)
def test_nothing_is_lost_while_a_secret_is_rotated(tmp_path: Path, rotations: list[Rotation]) -> None:
    def settings(step: str) -> dict[str, str]:
        return {name: value for each in rotations for name, value in each.setting(step).items()}

    start = {ENCRYPTION_KEY.variable: ENCRYPTION_KEY.old, **settings("old")}
    with Fleet(tmp_path, **start) as fleet:
        with OrderLoad(fleet) as load:  # it stops at the first webhook that is refused
            fleet.restart(**settings("old,new"))
            load.more()
            fleet.restart("web0", **settings("new,old"))  # with the others still at the step before
            load.more()
            for rotation in rotations:
                rotation.at_gett(fleet)
            load.more()
            fleet.restart(**settings("new,old"))
            load.more()
            if ENCRYPTION_KEY in rotations:
                assert "not encrypted with its first key: 1 stores (main)" in fleet.cli("check")
                fleet.cli("stores", "rotate-keys")
                assert "all credentials in Redis are encrypted with its first key" in fleet.cli("check")
            fleet.restart(**settings("new"))
            load.more()
        load.assert_nothing_lost()
        assert fleet.kit().stores.get("main").credentials == {"password": "open sesame"}


def test_load_notices_a_secret_that_was_replaced_at_once(tmp_path: Path) -> None:
    with Fleet(tmp_path, **ENCRYPTION_KEY.setting("old")) as fleet, OrderLoad(fleet) as load:
        change_secret(fleet)
        with pytest.raises(AssertionError, match="401"):
            load.more()
