"""A store's way into the network."""

from __future__ import annotations

from webhook_kit.onboarding.first_menu import FirstMenu
from webhook_kit.onboarding.onboarder import Details, Onboarder
from webhook_kit.onboarding.record import Progress, Step

__all__ = ["Details", "FirstMenu", "Onboarder", "Progress", "Step"]
