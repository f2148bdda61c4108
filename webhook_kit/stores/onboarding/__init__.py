"""Onboarding: registration of a store at Gett, up to its activation."""

from __future__ import annotations

from webhook_kit.stores.onboarding.onboarder import Onboarder
from webhook_kit.stores.onboarding.record import Progress, Step
from webhook_kit.stores.onboarding.steps import StoreDetails

__all__ = ["Onboarder", "Progress", "Step", "StoreDetails"]
