"""Every input of the corpus, and some mutations of it, are parsed or refused as documented."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fuzz.mutation import mutate
from tests.fuzz.oracle import Target, judge
from tests.fuzz.surroundings import Surroundings
from tests.fuzz.targets import NAMES, all_targets
from webhook_kit.testing.redis_server import RedisServer

CORPUS = Path(__file__).parent / "corpus"
MUTATIONS = 3

Events = list[MutableMapping[str, Any]]


@pytest.fixture
def targets(redis_server: RedisServer, tmp_path: Path, events: Events) -> dict[str, Target]:
    return all_targets(Surroundings(redis_server.url, tmp_path, events))


def cut(data: bytes, size: int) -> bytes:
    """Mutate bytes without libFuzzer."""
    return (data[1::2] + data)[:size]


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(NAMES)
    assert all(any(CORPUS.joinpath(name).glob("seed-*")) for name in NAMES)
    assert sum(file.stat().st_size for file in CORPUS.rglob("*")) < 1_000_000


@pytest.mark.parametrize("name", NAMES)
def test_corpus_and_its_mutations_are_parsed_or_refused(name: str, targets: dict[str, Target], events: Events) -> None:
    # A clock is judged by `make fuzz` alone: here the machine may be busy with anything.
    target = replace(targets[name], fixed=1e6)
    for file in sorted((CORPUS / name).iterdir()):
        data = file.read_bytes()
        for each in [data, *(mutate(data, 4_000, Random(f"{file.name} {number}"), cut) for number in range(MUTATIONS))]:
            judge(target, each, events)
