"""Recovery times."""

from __future__ import annotations

from tests.storm.recovery import Recovery


def test_recovery_counts_what_began_after_the_fault() -> None:
    recovery = Recovery()
    recovery.add("web killed", 100.0)
    recovery.add("web killed", 200.0)
    recovery.add("never over", 300.0)
    found = recovery.distributions([(99.0, 101.0), (100.5, 102.0), (100.1, 103.0), (201.0, 204.0)])
    assert set(found) == {"web killed"}
    assert found["web killed"].to_data() == {"count": 2, "minimum": 2.0, "median": 3.0, "p90": 3.8, "maximum": 4.0}
