"""What is shipped: an adapter as any third party would ship one."""

from __future__ import annotations

from importlib.metadata import entry_points

from webhook_kit.adapter import Capability, Guarantee, Level
from webhook_kit.stores.adapters import installed
from webhook_kit_odoo.adapter import OdooAdapter


def test_it_is_found_by_its_entry_point_and_vouches_for_everything() -> None:
    (point,) = entry_points(group="webhook_kit.adapters", name="odoo")
    assert point.load() is OdooAdapter
    assert [each.problem for each in installed() if each.name == "odoo"] == [None]
    assert {OdooAdapter.level(each) for each in Capability} == {Level.TESTED}
    assert OdooAdapter.guarantee() is Guarantee.NATIVE
