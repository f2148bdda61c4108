"""The changes of a Lua script: each kind, and what is left alone."""

from __future__ import annotations

import pytest
import redis

from tests.mutation.lua_changes import lua_changes
from tests.mutation.mutants import ROOT, mutants_of
from webhook_kit.testing.redis_server import RedisServer


def changed(source: str) -> set[str]:
    text = source.encode()
    return {(text[: each.start] + each.new + text[each.end :]).decode() for each in lua_changes(text)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("local a = b < c", {"local a = b <= c"}),
        ("local a = b ~= c", {"local a = b == c"}),
        ("local a = b + 10", {"local a = b - 10", "local a = b + (11)", "local a = b + (9)"}),
        ("local a = r[1]", {"local a = r[(2)]"}),
        ("local a = b and c", {"local a = b or c"}),
        ("local a = not b", {"local a =  b"}),
        ("local a = math.max(b, c)", {"local a = math.min(b, c)"}),
        ("return 'a < 1 and b'", {""}),
        ("-- a < 1\nlocal a = b", set()),
        ("if a then return b end", {"if not (a) then return b end", "if a then end"}),
        ("if a == b then c() end", {"if a ~= b then c() end", "if a == b then  end"}),
        ("a = b", {""}),
        ("local a = {'x', b()}", set()),
        ("redis.call('SET', a, b)", {"", "redis.call('SET', b, a)"}),
        ("redis.call('DEL', a)", {""}),
        ("redis.call('HDEL', a, b, c)", {""}),
        ("a(b,\n  c)\nd = e", {"\nd = e", "a(c, b)\nd = e", "a(b,\n  c)\n"}),
        ("local function f(a, b) end", set()),
    ],
)
def test_each_kind_of_change_is_made(source: str, expected: set[str]) -> None:
    assert {" ".join(each.split()) for each in changed(source)} == {" ".join(each.split()) for each in expected}


def test_mutants_of_a_script_are_programs_and_have_different_names(redis_server: RedisServer) -> None:
    mutants = mutants_of("webhook_kit/placement/renew.lua")
    assert len({mutant.name for mutant in mutants}) == len(mutants) > 10
    original = (ROOT / "webhook_kit/placement/renew.lua").read_bytes()
    with redis.Redis.from_url(redis_server.url) as client:
        for mutant in mutants:
            assert mutant.source() != original
            client.script_load(mutant.source())
