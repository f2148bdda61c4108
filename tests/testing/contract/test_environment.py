"""Environment of a contract test: a response says why, also what the kit does not tell Gett."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from webhook_kit.adapter import Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_contract import BogusContract
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.redis_server import RedisServer


class PosWithoutTip(BogusAdapter):
    """A POS whose quote has no tip, or another one."""

    tip: Decimal | None = None

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        quoted = super().quote(store, order)
        return quoted if isinstance(quoted, Refused) else Amounts.of(quoted.sub_total or Decimal(), tip=self.tip)


class ContractWithoutTip(BogusContract):
    __test__ = False
    adapter = PosWithoutTip


@pytest.mark.parametrize("tip", [None, Decimal("0.00"), Decimal("2.00")])
def test_a_quote_that_drops_the_tip_says_so_in_the_response(
    tip: Decimal | None, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(PosWithoutTip, "tip", tip)
    hooks = ContractWithoutTip()
    hooks.directory = tmp_path
    with ContractEnvironment(hooks, redis_server.url) as env:
        response = env.validate(env.order(amounts={"tip": 1.25}))
        assert not response.valid
        assert f"the kit's log says: quote() changed the tip from 1.25 to {tip or '0.00'}" in repr(response)
        with pytest.raises(AssertionError, match=r"quote\(\) changed the tip from 1\.25"):
            env.validated_order(env.order(amounts={"tip": 1.25}))
