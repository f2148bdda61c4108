"""The distribution: an adapter like any third party's."""

from __future__ import annotations

from importlib.metadata import entry_points

from webhook_kit import Capability, Guarantee, Level
from webhook_kit_odoo.adapter import OdooAdapter


def test_it_is_found_by_its_entry_point_with_every_capability_tested() -> None:
    (point,) = entry_points(group="webhook_kit.adapters", name="odoo")
    assert point.load() is OdooAdapter
    assert {OdooAdapter.level(each) for each in Capability} == {Level.TESTED}
    assert OdooAdapter.guarantee() is Guarantee.NATIVE
