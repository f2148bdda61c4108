"""A store's way into the network."""

from __future__ import annotations

from webhook_kit.stores.onboarding.onboarder import Details, Onboarder
from webhook_kit.stores.onboarding.record import Progress, Step

__all__ = ["Details", "Onboarder", "Progress", "Step"]
