"""What the tests of the sandbox share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from werkzeug.test import TestResponse

KEY = {"Authorization": "Bearer key-1"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
STORE = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"

Call = Callable[..., TestResponse]


def check_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.text
    problem: dict[str, Any] = response.get_json(force=True)
    assert problem["status"] == status
    assert problem["errorCode"] == code
    assert problem["type"] == f"https://developer.gett-tech.com/errors/{code}"
    assert {"title", "detail", "errorCategory", "retryable", "requestId", "timestamp", "traceId"} <= set(problem)
    return problem
