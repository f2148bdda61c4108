"""Requests that are sent again."""

from __future__ import annotations

import pytest

from webhook_kit.console.api.repeats import RepeatedRequests
from webhook_kit.errors import Conflict, InvalidArgument, InvalidTransition
from webhook_kit.kit import Kit


@pytest.fixture
def repeats(kit: Kit) -> RepeatedRequests:
    return RepeatedRequests(kit.redis, kit.keys)


def test_the_first_result_is_given_again(repeats: RepeatedRequests) -> None:
    assert repeats.once("jo", "k", "request", lambda: {"a": 1}) == ({"a": 1}, False)
    assert repeats.once("jo", "k", "request", lambda: pytest.fail("done twice")) == ({"a": 1}, True)
    assert repeats.once("al", "k", "request", lambda: 2) == (2, False)  # keys of another caller are others


def test_a_key_belongs_to_one_request(repeats: RepeatedRequests) -> None:
    repeats.once("jo", "k", "request", lambda: 1)
    with pytest.raises(InvalidArgument, match="another request"):
        repeats.once("jo", "k", "other", lambda: 2)
    for key in ("", "x" * 201, "a\nb", "\ud800"):
        with pytest.raises(InvalidArgument, match="1 to 200"):
            repeats.once("jo", key, "request", lambda: 1)


def test_a_rejected_action_may_be_sent_again(repeats: RepeatedRequests) -> None:
    def reject() -> None:
        raise InvalidTransition("not now")

    with pytest.raises(InvalidTransition):
        repeats.once("jo", "k", "request", reject)
    assert repeats.once("jo", "k", "request", lambda: 1) == (1, False)


def test_an_action_that_ended_nobody_knows_how_is_not_done_again(repeats: RepeatedRequests) -> None:
    def die() -> None:
        raise OSError

    with pytest.raises(OSError):
        repeats.once("jo", "k", "request", die)
    with pytest.raises(Conflict, match="has not ended"):
        repeats.once("jo", "k", "request", lambda: 1)
