"""Jobs on many dead letters: in slices, stopped by a person, and continued after the death of a worker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.operations.operations_helpers import ADA, dead_letter
from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations import dead_letter_jobs
from webhook_kit.operations.dead_letter_jobs import (
    DeadLetterAction,
    JobState,
    find_job,
    list_jobs,
    start_job,
    stop_job,
    work,
)
from webhook_kit.operations.dead_letters import DeadLetterFilter, list_dead_letters
from webhook_kit.schedule import sync_schedule

ALL = DeadLetterFilter()


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(gett_writes_per_minute=0)


def left(kit: Kit) -> list[str]:
    return [letter.subject for letter in list_dead_letters(kit, ALL, size=1_000).letters]


def test_all_that_match_are_discarded_and_counted(kit: Kit) -> None:
    for name in "abc":
        dead_letter(kit, name)
    dead_letter(kit, "d", "harbour")
    started = start_job(kit, ADA, DeadLetterAction.DISCARD, DeadLetterFilter(store_id="main"), "gone \ud800")
    assert (started.state, started.total, started.total_complete, started.done) == (JobState.RUNNING, 3, True, 0)
    assert (started.who, started.via, started.why) == ("ada", "console", "gone \ufffd")
    dead_letter(kit, "e")  # later than the job
    work(kit)
    ended = find_job(kit, started.id)
    assert (ended.state, ended.done, ended.failed) == (JobState.DONE, 3, 0)
    assert left(kit) == ["e", "d"]
    assert list_jobs(kit) == [ended]
    assert not kit.redis.exists(kit.keys.dead_letter_jobs_running)


def test_what_cannot_be_replayed_fails_and_stays(kit: Kit) -> None:
    for name in "ab":
        dead_letter(kit, name)
    kit.redis.delete(kit.keys.lane("order:a"))  # it has expired
    job = start_job(kit, ADA, DeadLetterAction.REPLAY, ALL, "")
    work(kit)
    assert (find_job(kit, job.id).done, find_job(kit, job.id).failed) == (1, 1)
    assert left(kit) == ["a"]
    assert [note["who"] for note in kit.lanes.history("order:b") if note["event"] == "replayed"] == ["ada"]


def test_a_job_goes_on_after_its_worker_died(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_jobs, "_SLICE", 2)
    for name in "abcde":
        dead_letter(kit, name)
    job = start_job(kit, ADA, DeadLetterAction.DISCARD, ALL, "")
    discard, calls = kit.dead_letters.discard, []

    def die_in_the_second_slice(number: int, **options: str) -> object:
        calls.append(number)
        if len(calls) == 4:
            raise SystemExit
        return discard(number, **options)

    monkeypatch.setattr(kit.dead_letters, "discard", die_in_the_second_slice)
    with pytest.raises(SystemExit):
        work(kit)
    assert find_job(kit, job.id).done == 3
    monkeypatch.setattr(kit.dead_letters, "discard", discard)
    work(kit)
    ended = find_job(kit, job.id)
    assert (ended.state, ended.done, ended.failed) == (JobState.DONE, 5, 0)
    assert left(kit) == []


def test_a_stopped_job_does_nothing_more(kit: Kit) -> None:
    dead_letter(kit, "a")
    job = start_job(kit, ADA, DeadLetterAction.DISCARD, ALL, "")
    assert stop_job(kit, job.id).state is JobState.STOPPED
    work(kit)
    assert left(kit) == ["a"]
    assert stop_job(kit, job.id).state is JobState.STOPPED


def test_two_workers_do_not_work_on_the_same_job(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_letter(kit, "a")
    start_job(kit, ADA, DeadLetterAction.DISCARD, ALL, "")
    discard = kit.dead_letters.discard

    def meanwhile(number: int, **options: str) -> object:
        monkeypatch.setattr(kit.dead_letters, "discard", discard)
        work(kit)
        assert left(kit) == ["a"]
        return discard(number, **options)

    monkeypatch.setattr(kit.dead_letters, "discard", meanwhile)
    work(kit)
    assert left(kit) == []


def test_an_unknown_job(kit: Kit) -> None:
    for name in ("x", "", "a" * 1_000):
        with pytest.raises(NotFound):
            find_job(kit, name)


def test_everything_about_a_job_ends(kit: Kit) -> None:
    job = start_job(kit, ADA, DeadLetterAction.DISCARD, ALL, "")
    kit.redis.delete(kit.keys.dead_letter_job(job.id))  # it has expired
    work(kit)
    assert list_jobs(kit) == []
    assert not kit.redis.exists(kit.keys.dead_letter_jobs_running)


def test_a_job_of_another_version_is_stopped_and_holds_up_no_other(kit: Kit) -> None:
    dead_letter(kit, "a")
    strange = start_job(kit, ADA, DeadLetterAction.DISCARD, ALL, "")
    kit.redis.hset(kit.keys.dead_letter_job(strange.id), "condition", '{"colour": "red"}')
    job = start_job(kit, ADA, DeadLetterAction.DISCARD, ALL, "")
    work(kit)
    assert find_job(kit, job.id).state is JobState.DONE
    assert list_jobs(kit) == [find_job(kit, job.id)]
    assert kit.redis.hget(kit.keys.dead_letter_job(strange.id), "state") == b"stopped"
    assert not kit.redis.exists(kit.keys.dead_letter_jobs_running)


def test_a_sync_worker_works_on_jobs(kit: Kit) -> None:
    dead_letter(kit, "a")
    start_job(kit, ADA, DeadLetterAction.DISCARD, ALL, "")
    (task,) = [task for task in sync_schedule(kit, lambda: False) if task.name == "dead-letter-jobs"]
    task.run()
    assert left(kit) == []
