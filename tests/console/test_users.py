"""Users with passwords."""

from __future__ import annotations

import pytest

from webhook_kit.console.users import ConsoleUsers
from webhook_kit.errors import InvalidArgument, NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def users(kit: Kit) -> ConsoleUsers:
    return ConsoleUsers(kit.redis, kit.keys)


def test_only_a_hash_is_stored(users: ConsoleUsers, kit: Kit) -> None:
    users.add("jo", PASSWORD, Role.OPERATOR)
    users.add("al", PASSWORD, Role.VIEWER)
    assert [(user.name, user.role) for user in users.list()] == [("al", Role.VIEWER), ("jo", Role.OPERATOR)]
    assert users.verify("jo", PASSWORD) == users.get("jo")
    assert users.verify("jo", PASSWORD + "x") is None
    assert PASSWORD not in str(kit.redis.hgetall(kit.keys.console_users))


def test_an_unknown_name_is_checked_like_a_known_one(users: ConsoleUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def check(stored: str, _password: str) -> bool:
        checked.append(stored)
        return False

    monkeypatch.setattr("webhook_kit.console.users.check_password_hash", check)
    users.add("jo", PASSWORD, Role.OPERATOR)
    for name in ("jo", "nobody", "a b", "\ud800"):
        assert users.verify(name, PASSWORD) is None
    assert len(checked) == 4
    assert {hash.split("$")[0] for hash in checked} == {"scrypt:1024:8:1"}  # the same work


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("", PASSWORD, "name of a user"),
        ("a b", PASSWORD, "name of a user"),
        ("sub:1", PASSWORD, "name of a user"),
        ("jo\ud800", PASSWORD, "name of a user"),
        ("jo", "short", "12 to 200"),
        ("jo", "x" * 201, "12 to 200"),
        ("jo.jo.jo.jo.", "Jo.jo.jo.jo.", "is the name"),
    ],
)  # fmt: skip
def test_a_bad_name_or_password_is_refused(users: ConsoleUsers, name: str, password: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        users.add(name, password, Role.VIEWER)


def test_a_password_is_never_cut_off(users: ConsoleUsers) -> None:
    users.add("jo", "x" * 200, Role.VIEWER)
    assert users.verify("jo", "x" * 200)
    assert users.verify("jo", "x" * 201) is None


def test_an_unknown_user_cannot_be_removed(users: ConsoleUsers) -> None:
    with pytest.raises(NotFound, match="user jo"):
        users.remove("jo")
