"""One order arrives many times, under several keys, and after Redis was emptied."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.scenario import pos_variants
from tests.scenario.restaurant_env import LEVELS, SELF_RESOLVING, WITH_LOOK_UP, Order, RestaurantEnv, run_concurrently
from webhook_kit.adapter import Guarantee

every_level = pytest.mark.parametrize("level", LEVELS)


def test_levels_have_the_guarantees_of_their_names() -> None:
    assert {level: getattr(pos_variants, name).guarantee() for level, name in LEVELS.items()} == {
        "native": Guarantee.NATIVE,
        "look-up": Guarantee.LOOK_UP,
        "both": Guarantee.NATIVE,
        "claim": Guarantee.CLAIM,
        "bare": Guarantee.CLAIM,
    }


@every_level
def test_sixteen_simultaneous_duplicates_make_one_ticket_and_get_equal_responses(
    restaurant: RestaurantEnv, level: str
) -> None:
    order = Order(level, ("cola",))
    responses = run_concurrently(lambda n: restaurant.place(order, web=n % 2), range(16))
    for response in responses:
        restaurant.assert_placed_once(order, response)
    different = [response.body for response in responses if response.body != responses[0].body]
    assert not different, f"{len(different)} of 16 differ: {responses[0].body} and {different[0]}"


@every_level
def test_sixteen_simultaneous_keys_of_one_order_make_one_ticket(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("cola",))
    responses = run_concurrently(lambda n: restaurant.place(order.changed(key=str(uuid4())), web=n % 2), range(16))
    for response in responses:
        restaurant.assert_placed_once(order, response)


@every_level
def test_replayed_response_is_the_original_one(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("cola",))
    assert restaurant.place(order).body == restaurant.place(order, web=1).body


@every_level
def test_refusal_of_the_pos_is_final_and_replayed(restaurant: RestaurantEnv, level: str) -> None:
    order, after = Order(level, ("payment-declined",)), Order(level, ("cola",))
    first = restaurant.place(order)
    assert (first.status, first.body["errorCode"], first.body["retryable"]) == (400, "PAYMENT_DECLINED", False)
    second = restaurant.place(order, web=1)
    assert (second.status, second.body) == (first.status, first.body)
    assert restaurant.tickets(order) == []
    restaurant.assert_placed_once(after, restaurant.place(after))
    restaurant.await_confirmation(after)
    assert restaurant.confirmations(order) == []


@every_level
def test_second_key_of_a_placed_order_gets_the_original_receipt(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("salad", "cola"))
    restaurant.assert_placed_once(order, restaurant.place(order))
    first = restaurant.place(order)
    second = restaurant.place(order.changed(key=str(uuid4())), web=1)
    restaurant.assert_placed_once(order, second)
    assert second.body == first.body


@every_level
def test_placed_order_with_other_content_is_rejected(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("salad",))
    restaurant.assert_placed_once(order, restaurant.place(order))
    other = restaurant.place(order.changed(key=str(uuid4()), items=("cola",)), web=1)
    assert (other.status, other.body["errorCode"]) == (409, "ORDER_ALREADY_PLACED")
    assert other.body["retryable"] is False
    assert restaurant.ticket(order) in other.body["detail"]


@every_level
def test_key_of_another_order_is_rejected_and_the_first_order_is_unchanged(
    restaurant: RestaurantEnv, level: str
) -> None:
    order = Order(level, ("salad",))
    first = restaurant.place(order)
    other = order.changed(gett_id=str(uuid4()), items=("cola",))
    assert restaurant.place(other, web=1).status == 422
    assert restaurant.tickets(other) == []
    restaurant.assert_placed_once(order, first)
    restaurant.assert_placed_once(order, restaurant.place(order))


@pytest.mark.parametrize("level", SELF_RESOLVING)
def test_retry_gets_the_same_ticket_after_redis_was_emptied(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("salad",))
    first = restaurant.place(order)
    restaurant.redis.flushall()
    second = restaurant.place(order, web=1)
    restaurant.assert_placed_once(order, second)
    assert {**second.body, "placedAt": "", "amounts": {}} == {**first.body, "placedAt": "", "amounts": {}}


@pytest.mark.parametrize("level", SELF_RESOLVING)
def test_retry_gets_the_accepted_amounts_after_redis_was_emptied(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("salad",))
    # As Gett may send it: only the token contains the accepted amounts.
    accepted = {"amounts": None, "validatedOrderToken": restaurant.validate(order).body["validatedOrderToken"]}
    first = restaurant.place(order, **accepted)
    restaurant.assert_placed_once(order, first)
    restaurant.redis.flushall()
    second = restaurant.place(order, web=1, **accepted)
    assert second.status == 200
    assert second.body["amounts"] == first.body["amounts"]


@pytest.mark.parametrize("level", SELF_RESOLVING)
def test_retry_gets_the_ticket_after_a_lost_reply_and_an_emptied_redis(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("reply-lost",))
    assert restaurant.place(order).status == 503
    ticket = restaurant.ticket(order)
    restaurant.redis.flushall()
    response = restaurant.place(order, web=1)
    restaurant.assert_placed_once(order, response)
    assert response.body["partnerOrderId"] == ticket


@pytest.mark.parametrize("level", WITH_LOOK_UP)
def test_another_key_gets_the_ticket_after_redis_was_emptied(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("salad",))
    restaurant.place(order)
    restaurant.redis.flushall()
    restaurant.assert_placed_once(order, restaurant.place(order.changed(key=str(uuid4())), web=1))


def test_claim_level_makes_a_second_ticket_after_redis_was_emptied(restaurant: RestaurantEnv) -> None:
    order = Order("claim", ("salad",))
    assert restaurant.place(order).status == 200
    assert len(restaurant.tickets(order)) == 1
    restaurant.redis.flushall()
    # The guarantee "claim" holds only as long as Redis keeps the claim (docs/receiving.md).
    assert restaurant.place(order, web=1).status == 200
    assert len(restaurant.tickets(order)) == 2
