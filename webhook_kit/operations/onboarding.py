"""Progress of the stores that are being registered at Gett."""

from __future__ import annotations

from dataclasses import dataclass

from webhook_kit.kit import Kit
from webhook_kit.storage.clock import redis_time
from webhook_kit.stores.onboarding.record import OnboardingRecords, Progress, Step

__all__ = ["OnboardingPage", "OnboardingView", "read_onboarding", "read_onboardings"]

_LOST_AFTER = 150.0
"""Seconds after which the answer to a registration is lost: its sender would have recorded it by then."""

_ADVICE = {
    Step.REGISTERING: "look in Gett's portal for a registration of this store; if there is one, run {command} --onboarding-id ID, "
    "else {command} --restart",
    Step.REGISTERED: "nothing to do: a worker asks Gett again every few seconds",
    Step.ACTIVATING: "nothing to do: a worker asks Gett again every few seconds",
    Step.ACTIVE: "run {command}, which saves Gett's id of the store",
    Step.DONE: "nothing to do: the store is at Gett",
    Step.FAILED: "correct the catalog in the POS, then run {command} --restart",
    Step.CANCELLING: "run {command} --cancel, or {command} --restart to start again",
}


@dataclass(frozen=True, slots=True)
class OnboardingView:
    """Progress of one store. Moments are Unix seconds.

    :ivar step: last step that was recorded; None if nothing was registered yet.
    :ivar status: status at Gett, or the empty text.
    :ivar error: last error, or the empty text.
    :ivar followed: True if the workers continue it.
    :ivar at: moment of the last step; None without one.
    :ivar lost: True if the answer to the registration was lost, so that a person has to look.
    :ivar advice: what to do.
    """

    store_id: str
    name: str
    step: Step | None
    status: str
    onboarding_id: str
    gett_id: str
    error: str
    followed: bool
    at: float | None
    lost: bool
    advice: str

    @property
    def failed(self) -> bool:
        """True if a person has to act."""
        return self.lost or self.step is Step.FAILED or (bool(self.error) and not self.followed)


@dataclass(frozen=True, slots=True)
class OnboardingPage:
    """Some of the onboardings, the last one that changed first.

    :ivar total: number of all.
    """

    at: float
    onboardings: tuple[OnboardingView, ...]
    total: int


def read_onboardings(kit: Kit, *, start: int = 0, limit: int = 50) -> OnboardingPage:
    """Return the progress of the stores that are, or were, being registered.

    :raises redis.RedisError: Redis is not reachable.
    """
    records, now = _records(kit), redis_time(kit.redis)
    followed = set(records.followed())
    found = records.recent(start, limit)
    waiting = [] if start else sorted(each for each in followed if records.read(each) is None)[:limit]
    views = [_view(kit, Progress(each, Step.REGISTERED), now, followed=True, registered=False) for each in waiting]
    views += [_view(kit, progress, now, followed=progress.store_id in followed) for progress in found]
    return OnboardingPage(now, tuple(views), records.count() + len(waiting))


def read_onboarding(kit: Kit, store_id: str) -> OnboardingView | None:
    """Return the progress of a store; None if it is not being registered.

    :raises redis.RedisError: Redis is not reachable.
    """
    records = _records(kit)
    progress, followed = records.read(store_id), store_id in records.followed()
    if progress is None and not followed:
        return None
    known = progress or Progress(store_id, Step.REGISTERED)
    return _view(kit, known, redis_time(kit.redis), followed=followed, registered=progress is not None)


def _records(kit: Kit) -> OnboardingRecords:
    return OnboardingRecords(kit.redis, kit.keys, keep=kit.settings.order_ttl)


def _view(kit: Kit, progress: Progress, now: float, *, followed: bool, registered: bool = True) -> OnboardingView:
    store = kit.stores.by_id(progress.store_id)
    lost = registered and progress.step is Step.REGISTERING and now - progress.at > _LOST_AFTER
    return OnboardingView(
        store_id=progress.store_id,
        name=store.name if store else "",
        step=progress.step if registered else None,
        status=progress.status,
        onboarding_id=progress.onboarding_id,
        gett_id=progress.gett_id or (store.gett_id if store else ""),
        error=progress.error or progress.last_error or ("the answer to the registration was lost" if lost else ""),
        followed=followed,
        at=progress.at if registered else None,
        lost=lost,
        advice=_ADVICE[progress.step].format(command=f"webhook-kit stores onboard {progress.store_id}")
        if registered
        else "nothing to do: a worker registers the store within seconds",
    )
