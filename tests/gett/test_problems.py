"""Tests of problem documents, as JSON and as Markdown."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.webhook_client import PROBLEM_MEMBERS
from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ErrorCode, ProblemDetail
from webhook_kit.gett.models.session import SessionErrorCode
from webhook_kit.gett.problems import Problem, as_markdown, unavailable

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def document(problem: Problem) -> dict[str, object]:
    wire = problem.document(instance="/placeOrder", trace_id=TRACE).to_json()
    assert ProblemDetail.from_json(wire)
    members: dict[str, object] = json.loads(wire)
    return members


@pytest.mark.parametrize("code", [*ErrorCode, *SessionErrorCode])
def test_every_code_has_its_status_category_and_title(code: ErrorCode | SessionErrorCode) -> None:
    members = document(Problem(code, "what happened"))
    assert set(members) == PROBLEM_MEMBERS
    assert members["type"] == f"https://developer.gett-tech.com/errors/{code}"
    assert (members["status"], members["errorCategory"], members["retryable"]) == tuple(code.kind)
    assert members["title"] not in ("", "Error")
    assert (members["instance"], members["traceId"], members["detail"]) == ("/placeOrder", TRACE, "what happened")


def test_each_document_has_another_request_id() -> None:
    problem = unavailable("x")
    assert document(problem)["requestId"] != document(problem)["requestId"]


def test_request_id_and_time_can_be_given() -> None:
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    created = unavailable("x").document(instance="/", trace_id=TRACE, request_id="req_1", now=now)
    assert (created.request_id, created.timestamp) == ("req_1", now)


@pytest.mark.parametrize(("seconds", "rounded"), [(0, 1), (0.2, 1), (1, 1), (1.01, 2), (29.5, 30)])
def test_retry_after_is_rounded_up_to_at_least_one_second(seconds: float, rounded: int) -> None:
    members = document(unavailable("x", retry_after=seconds))
    assert (members["retryAfter"], members["retryable"]) == (rounded, True)


def violation(code: str, message: str = "m") -> ValidationError:
    return ValidationError(code=code, message=message)


def test_refusal_has_the_code_of_the_first_violation_and_lists_all() -> None:
    refusal = Problem.refusing([violation("ITEM_UNAVAILABLE", "no salmon"), violation("CART_EMPTY")])
    assert (refusal.code, refusal.detail) == (ErrorCode.ITEM_UNAVAILABLE, "no salmon (and 1 more)")
    assert [error.code for error in refusal.errors] == ["ITEM_UNAVAILABLE", "CART_EMPTY"]


def test_closed_store_comes_first_and_an_unknown_code_becomes_other() -> None:
    assert Problem.refusing([violation("CART_EMPTY"), violation("STORE_CLOSED")]).code == ErrorCode.STORE_CLOSED
    assert Problem.refusing([violation("NO_SUCH_CODE")]).code == ErrorCode.OTHER


def test_refusal_is_final_unless_it_is_retryable() -> None:
    assert Problem.refusing([violation("PAYMENT_DECLINED")]).final
    assert not Problem.refusing([violation("PAYMENT_FAILED")]).final
    assert not unavailable("x").final


@given(st.text(), st.text())
def test_markdown_holds_every_member_of_any_text(detail: str, message: str) -> None:
    errors = [ValidationError(code="OTHER", message=message, json_path="$.cart")]
    # Text from JSON holds no lone surrogates, and hypothesis generates none.
    raw = (
        Problem(ErrorCode.OTHER, detail, errors=errors, retry_after=3).document(instance="/x", trace_id=TRACE).to_json()
    )
    first, front, text = as_markdown(raw).decode().split("---\n", 2)
    assert first == ""
    assert yaml.safe_load(front) == json.loads(raw)
    assert f"- **OTHER** at `$.cart`: {message}" in text
