"""One order arrives many times, under many names, and after Redis has forgotten everything."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.scenario import pos_variants as kitchens
from tests.scenario.restaurant_env import FINDS, LEVELS, SAFE, Order, Shop, together
from webhook_kit.adapter import Guarantee

every_level = pytest.mark.parametrize("level", LEVELS)


def test_the_levels_are_what_their_names_say() -> None:
    assert {level: getattr(kitchens, name).guarantee() for level, name in LEVELS.items()} == {
        "native": Guarantee.NATIVE,
        "look-up": Guarantee.LOOK_UP,
        "both": Guarantee.NATIVE,
        "claim": Guarantee.CLAIM,
        "bare": Guarantee.CLAIM,
    }


@every_level
def test_sixteen_duplicates_at_once_over_two_processes_make_one_ticket_and_get_equal_answers(
    shop: Shop, level: str
) -> None:
    order = Order(level, ("cola",))
    answers = together(lambda n: shop.place(order, web=n % 2), range(16))
    for answer in answers:
        shop.assert_placed_once(order, answer)
    different = [answer.body for answer in answers if answer.body != answers[0].body]
    assert not different, f"{len(different)} of 16 differ: {answers[0].body} and {different[0]}"


@every_level
def test_sixteen_keys_for_one_order_at_once_make_one_ticket(shop: Shop, level: str) -> None:
    order = Order(level, ("cola",))
    answers = together(lambda n: shop.place(order.again(key=str(uuid4())), web=n % 2), range(16))
    for answer in answers:
        shop.assert_placed_once(order, answer)


@every_level
def test_a_replayed_answer_is_the_original_one(shop: Shop, level: str) -> None:
    order = Order(level, ("cola",))
    assert shop.place(order).body == shop.place(order, web=1).body


@every_level
def test_a_refusal_of_the_pos_is_final_told_at_once_and_replayed(shop: Shop, level: str) -> None:
    order, after = Order(level, ("payment-declined",)), Order(level, ("cola",))
    first = shop.place(order)
    assert (first.status, first.body["errorCode"], first.body["retryable"]) == (400, "PAYMENT_DECLINED", False)
    again = shop.place(order, web=1)
    assert (again.status, again.body) == (first.status, first.body)
    assert shop.tickets(order) == []
    shop.assert_placed_once(after, shop.place(after))
    shop.await_confirmation(after)
    assert shop.confirmations(order) == []


@every_level
def test_a_second_key_for_a_placed_order_gets_the_original_receipt(shop: Shop, level: str) -> None:
    order = Order(level, ("salad", "cola"))
    shop.assert_placed_once(order, shop.place(order))
    first = shop.place(order)
    second = shop.place(order.again(key=str(uuid4())), web=1)
    shop.assert_placed_once(order, second)
    assert second.body == first.body


@every_level
def test_a_second_key_for_a_placed_order_of_other_content_is_refused(shop: Shop, level: str) -> None:
    order = Order(level, ("salad",))
    shop.assert_placed_once(order, shop.place(order))
    other = shop.place(order.again(key=str(uuid4()), items=("cola",)), web=1)
    assert (other.status, other.body["errorCode"]) == (409, "ORDER_ALREADY_PLACED")
    assert other.body["retryable"] is False
    assert shop.ticket(order) in other.body["detail"]


@every_level
def test_a_key_that_stands_for_another_order_is_refused_and_the_first_order_is_unharmed(shop: Shop, level: str) -> None:
    order = Order(level, ("salad",))
    first = shop.place(order)
    other = order.again(gett_id=str(uuid4()), items=("cola",))
    assert shop.place(other, web=1).status == 422
    assert shop.tickets(other) == []
    shop.assert_placed_once(order, first)
    shop.assert_placed_once(order, shop.place(order))


@pytest.mark.parametrize("level", SAFE)
def test_with_redis_emptied_after_the_answer_the_retry_gets_the_same_ticket(shop: Shop, level: str) -> None:
    order = Order(level, ("salad",))
    first = shop.place(order)
    shop.redis.flushall()
    again = shop.place(order, web=1)
    shop.assert_placed_once(order, again)
    assert {**again.body, "placedAt": "", "amounts": {}} == {**first.body, "placedAt": "", "amounts": {}}


@pytest.mark.parametrize("level", SAFE)
def test_with_redis_emptied_the_answer_still_carries_the_amounts_that_were_accepted(shop: Shop, level: str) -> None:
    order = Order(level, ("salad",))
    # As Gett may well send it: what was accepted stands in the token alone.
    accepted = {"amounts": None, "validatedOrderToken": shop.validate(order).body["validatedOrderToken"]}
    first = shop.place(order, **accepted)
    shop.assert_placed_once(order, first)
    shop.redis.flushall()
    again = shop.place(order, web=1, **accepted)
    assert again.status == 200
    assert again.body["amounts"] == first.body["amounts"]


@pytest.mark.parametrize("level", SAFE)
def test_with_redis_emptied_after_a_lost_reply_the_retry_gets_the_ticket(shop: Shop, level: str) -> None:
    order = Order(level, ("reply-lost",))
    assert shop.place(order).status == 503
    ticket = shop.ticket(order)
    shop.redis.flushall()
    answer = shop.place(order, web=1)
    shop.assert_placed_once(order, answer)
    assert answer.body["partnerOrderId"] == ticket


@pytest.mark.parametrize("level", FINDS)
def test_with_redis_emptied_and_another_key_the_order_id_still_finds_the_ticket(shop: Shop, level: str) -> None:
    order = Order(level, ("salad",))
    shop.place(order)
    shop.redis.flushall()
    shop.assert_placed_once(order, shop.place(order.again(key=str(uuid4())), web=1))


def test_with_neither_key_nor_look_up_an_emptied_redis_means_a_second_ticket_as_the_matrix_says(shop: Shop) -> None:
    order = Order("claim", ("salad",))
    assert shop.place(order).status == 200
    assert len(shop.tickets(order)) == 1
    shop.redis.flushall()
    # "Holds as long as Redis keeps the claim": this is what a partner must know before choosing such a POS.
    assert shop.place(order, web=1).status == 200
    assert len(shop.tickets(order)) == 2
