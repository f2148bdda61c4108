"""State of sending and of the quota."""

from __future__ import annotations

from collections.abc import Callable

from webhook_kit.kit import Kit
from webhook_kit.operations.quota import read_quota
from webhook_kit.outbox.updates import order_progress


def test_the_quota_in_use(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(gett_writes_per_minute=4)
    for number in range(6):
        kit.lanes.append(f"order:{number}", order_progress("confirmed"), store_id="main", gett_id=f"g{number}")
    assert not read_quota(kit).exhausted
    sent = 0
    while leases := kit.lanes.lease(1, 1000).leases:
        sent += len(leases)
        for lease in leases:
            kit.lanes.acknowledge(lease, 200)
        kit.redis.hset(kit.keys.sending, mapping={"tokens": "10"})  # no pacing
    quota = read_quota(kit)
    assert (quota.limit, quota.used, quota.waiting) == (4, sent, 6 - sent)
    assert quota.exhausted


def test_no_limit_is_never_exhausted(make_kit: Callable[..., Kit]) -> None:
    assert not read_quota(make_kit(gett_writes_per_minute=0)).exhausted
