from __future__ import annotations

import pytest

from webhook_kit.metrics.recorder import take_observations


@pytest.fixture(autouse=True)
def no_earlier_observations() -> None:
    """Forget what earlier tests of this process have observed."""
    take_observations({}, {})
