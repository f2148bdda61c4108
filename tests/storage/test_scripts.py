"""Scripts: named arguments of every type, keys by their names, and files that include one another."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

import webhook_kit
from tests.redis_cluster import KEY_TAG
from webhook_kit.settings import Settings
from webhook_kit.storage import scripts
from webhook_kit.storage.connection import connect
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script, load
from webhook_kit.testing.redis_server import RedisServer

KEYS = Keys(f"{KEY_TAG}p:")
KEY = KEYS.ready

PACKAGE = Path(webhook_kit.__file__).parent
FILES = sorted(PACKAGE.rglob("*.lua"))
LIBRARIES = {"alert_state", "archived", "base", "lanes", "notify", "records", "sending", "once"}
SCRIPTS = [file for file in FILES if file.stem not in LIBRARIES]


def name_of(file: Path) -> str:
    return f"{'.'.join(file.parent.relative_to(PACKAGE.parent).parts)}/{file.stem}"


@pytest.fixture
def connection(redis_server: RedisServer) -> redis.Redis:
    return connect(Settings(redis_url=redis_server.url, redis_timeout=30.0, key_prefix=KEYS.prefix))


@pytest.fixture
def make_script(connection: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Script]]:
    """``make_script("return 1")``: a script of this source; further sources by their names can be included."""
    read = scripts._read

    def make(source: str, **others: str) -> Script:
        sources = {"tests/script": source} | {f"tests/{name}": text for name, text in others.items()}
        monkeypatch.setattr(scripts, "_read", lambda name: sources.get(name) or read(name))
        load.cache_clear()
        return Script(connection, KEYS, "tests/script")

    yield make
    load.cache_clear()


def test_arguments_arrive_by_name_in_their_own_types(make_script: Callable[..., Script]) -> None:
    script = make_script("""
        local kinds = {}
        for _, name in ipairs({'text', 'raw', 'whole', 'large', 'part', 'yes', 'no', 'none', 'list', 'map'}) do
          kinds[#kinds + 1] = type(args[name])
        end
        return {table.concat(kinds, ' '), args.text, args.raw, args.whole - 1, string.format('%.0f', args.large),
                tostring(args.part), args.list[2], args.map.inner, tostring(args.yes and not args.no)}
    """)
    raw = bytes(range(256)) + os.urandom(70_000)
    reply = script(
        KEY, text="é\0€", raw=raw, whole=-41, large=2**53, part=0.25, yes=True, no=False, none=None,
        list=["a", "b"], map={"inner": "c"},
    )  # fmt: skip
    assert reply == [
        b"string string number number number boolean boolean nil table table",
        "é\0€".encode(), raw, -42, str(2**53).encode(), b"0.25", b"b", b"c", b"true",
    ]  # fmt: skip


def test_keys_carry_the_prefix_by_their_names(make_script: Callable[..., Script]) -> None:
    script = make_script("-- not keys.nonsense\nreturn {KEYS[1], KEYS[2], keys.ready, keys.lane .. 'order:1'}")
    assert script(KEYS.halt, KEY) == [
        KEYS.halt.encode(), KEY.encode(), KEYS.ready.encode(), KEYS.lane("order:1").encode(),
    ]  # fmt: skip


def test_a_key_that_keys_does_not_build_is_found_when_the_script_is_loaded(make_script: Callable[..., Script]) -> None:
    with pytest.raises(AttributeError, match="redy"):
        make_script("return keys.redy")


def test_a_script_that_redis_has_forgotten_is_sent_again(
    make_script: Callable[..., Script], connection: redis.Redis
) -> None:
    script = make_script("return args.answer")
    for _ in range(2):
        connection.script_flush()
        assert script(KEY, answer="yes") == b"yes"
        connection.config_resetstat()
        assert script(KEY, answer="yes") == b"yes"
        assert "cmdstat_eval" not in connection.info("commandstats")


def test_an_included_file_is_loaded_once_before_the_files_that_include_it(make_script: Callable[..., Script]) -> None:
    script = make_script(
        '--- @include "tests/b"\n--- @include "tests/c"\nreturn {b(), c()}',
        b='--- @include "tests/c"\nlocal function b() return c() + 1 end',
        c="local function c() return 1 end",
    )
    assert script(KEY) == [2, 1]
    assert load("tests/script").count("local function c()") == 1


def test_every_script_declares_a_key(make_script: Callable[..., Script]) -> None:
    with pytest.raises(TypeError):
        make_script("return 1")()  # type: ignore[call-arg]


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_every_script_of_the_package_compiles_and_lists_its_keys(file: Path, connection: redis.Redis) -> None:
    assert connection.script_load(load(name_of(file)))
    assert re.search(r"^-- KEYS: ", file.read_text(), re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_lua_file_builds_a_key_by_itself(file: Path) -> None:
    assert not re.search(r"prefix|'[\w-]+:'", re.sub("--.*", "", file.read_text()))
