"""Invalid carts: the kit finds each mistake."""

from __future__ import annotations

import pytest

from tests.testing.test_carts import ORDERABLE, check
from webhook_kit.testing.invalid_carts import INVALID_CARTS


@pytest.mark.parametrize("kind", INVALID_CARTS)
def test_each_mistake_is_reported_with_code_and_path(kind: str) -> None:
    invalid = INVALID_CARTS[kind](ORDERABLE)
    assert invalid is not None
    violations = check(invalid.lines, **invalid.order_members).violations
    assert (invalid.code, invalid.path) in {(violation.code, violation.json_path) for violation in violations}
