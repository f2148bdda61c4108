"""A store's way into the network."""

from __future__ import annotations

from webhook_kit.stores.onboarding.onboarder import Onboarder, StoreDetails
from webhook_kit.stores.onboarding.record import Progress, Step

__all__ = ["Onboarder", "Progress", "Step", "StoreDetails"]
