"""Dead letters by conditions, in pages of a bounded cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.operations.operations_helpers import dead_letter
from webhook_kit.errors import InvalidArgument
from webhook_kit.kit import Kit
from webhook_kit.operations import dead_letters
from webhook_kit.operations.dead_letters import DeadLetterFilter, count, list_dead_letters


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(gett_writes_per_minute=0)


def pages(kit: Kit, size: int = 50, **condition: object) -> list[str]:
    subjects: list[str] = []
    cursor, more = None, True
    while more:
        page = list_dead_letters(kit, DeadLetterFilter(**condition), cursor=cursor, size=size)  # type: ignore[arg-type]
        assert len(page.letters) <= size
        subjects += [letter.subject for letter in page.letters]
        cursor, more = page.cursor, page.cursor is not None
    return subjects


@pytest.mark.parametrize("size", [1, 2, 50])
def test_dead_letters_are_found_by_every_condition_newest_first(kit: Kit, size: int) -> None:
    dead_letter(kit, "a")
    dead_letter(kit, "b", "harbour", why="Connection refused", status=None)
    dead_letter(kit, "c", why="409: conflict", status=409)
    assert pages(kit, size) == ["c", "b", "a"]
    for condition, expected in (
        ({"lane": "order:b"}, ["b"]),
        ({"store_id": "main"}, ["c", "a"]),
        ({"why": "CONNECTION"}, ["b"]),
        ({"status": 409}, ["c"]),
        ({"status": 0}, ["b"]),
        ({"older_than": 3600.0}, []),
        ({"newer_than": 3600.0}, ["c", "b", "a"]),
        ({"newer_than": 3600.0, "store_id": "harbour"}, ["b"]),
    ):
        assert pages(kit, size, **condition) == expected, condition
        counted = count(kit, DeadLetterFilter(**condition))
        assert (counted.number, counted.complete) == (len(expected), True), condition


def test_the_facts_name_store_step_and_status(kit: Kit) -> None:
    number = dead_letter(kit, "b", "harbour", why="Connection refused", status=None)
    (letter,) = list_dead_letters(kit, DeadLetterFilter()).letters
    assert (letter.number, letter.kind, letter.subject, letter.store_id) == (number, "order", "b", "harbour")
    assert (letter.update, letter.why, letter.status) == ("ready", "Connection refused", None)
    assert letter.dead_lettered >= letter.appended


@pytest.mark.parametrize("newest_first", [True, False])
def test_dead_letters_of_one_moment_are_listed_once(kit: Kit, newest_first: bool) -> None:
    numbers = [dead_letter(kit, name) for name in "abc"]
    kit.redis.zadd(kit.keys.dead_letter_times, dict.fromkeys(map(str, numbers), 5000.5))
    seen: list[int] = []
    place, more = None, True
    while more:
        letters, place = kit.dead_letters.page(place, 1, oldest=0, latest=9, newest_first=newest_first)
        seen += [letter.number for _, letter in letters]
        more = place is not None
    assert seen == (numbers[::-1] if newest_first else numbers)


def test_a_page_and_a_count_look_at_a_bounded_number(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "_READ", 2)
    monkeypatch.setattr(dead_letters, "_COUNTED", 4)
    for number in range(7):
        dead_letter(kit, f"o{number}")
    page = list_dead_letters(kit, DeadLetterFilter(lane="order:o0"))
    assert page.letters == ()
    assert page.cursor is not None
    assert pages(kit, lane="order:o0") == ["o0"]
    assert not count(kit, DeadLetterFilter(store_id="main")).complete
    assert count(kit, DeadLetterFilter()).number == 7


@pytest.mark.parametrize("cursor", ["x", "1", "1 1", "\ud800", "1.000 x", "9" * 400 + ".000 1"])
def test_a_strange_cursor_is_refused(kit: Kit, cursor: str) -> None:
    with pytest.raises(InvalidArgument):
        list_dead_letters(kit, DeadLetterFilter(), cursor=cursor)
