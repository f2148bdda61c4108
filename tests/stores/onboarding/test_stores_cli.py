"""``webhook-kit stores …`` against a Gett that answers, or does not."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from tests.stores.onboarding.conftest import REGISTER, Town
from webhook_kit.adapter import Store
from webhook_kit.cli import main
from webhook_kit.kit import Kit
from webhook_kit.stores.cipher import CredentialCipher, new_key
from webhook_kit.stores.file import FileStores
from webhook_kit.testing.processes import free_port


class Ran(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(town: Town, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(Kit, "from_env", classmethod(lambda _: town.kit))
    monkeypatch.setattr(click, "prompt", lambda name, **_: f"topsecret of {name}")

    def command(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["webhook-kit", "stores", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "topsecret" not in said.err
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return command


@pytest.fixture
def here(town: Town, run: Run) -> Town:
    """The town, with its store in the network."""
    assert run("onboard", "main").status == 0
    return town


def rows(run: Run) -> dict[str, dict[str, Any]]:
    return {row["store"]: row for row in json.loads(run("list", "--json").out)}


# -- here --------------------------------------------------------------------------------------------------------------


def test_a_store_is_added_shown_changed_and_removed(run: Run, town: Town) -> None:
    ran = run("add", "harbour", "--adapter", "bogus", "--timezone", "Europe/Berlin", "--option", "terminal=3",
              "--option", "room=left", "--credential", "token", "--fulfillment", "Pickup")  # fmt: skip
    assert ran.out == "store harbour is added; next: webhook-kit stores onboard harbour\n"
    found = town.kit.stores.get("harbour")
    assert (found.options, found.credentials) == ({"terminal": 3, "room": "left"}, {"token": "topsecret of token"})
    shown = run("show", "harbour").out
    assert "credentials: token (set)" in shown
    assert "timezone: Europe/Berlin" in shown
    assert "topsecret" not in shown + run("list").out + run("list", "--json").out
    ran = run("edit", "harbour", "--name", "At the harbour", "--option", "terminal=4", "--unset", "room")
    assert ran.out == "store harbour is changed here\n"
    found = town.kit.stores.get("harbour")
    assert (found.name, found.options, found.timezone.key) == ("At the harbour", {"terminal": 4}, "Europe/Berlin")
    assert found.credentials == {"token": "topsecret of token"}
    assert found.fulfillment_types == frozenset({"Pickup"})
    assert run("remove", "harbour", "--yes").out == "store harbour is removed here\n"
    assert run("show", "harbour").status == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "main", "--adapter", "bogus"),
        ("add", "new", "--adapter", "unheard-of"),
        ("edit", "main", "--phone", "+1"),
        ("edit", "typo", "--name", "x"),
        ("show", "typo"),
        ("remove", "typo", "--yes"),
        ("onboard", "typo"),
        ("onboard", "main", "--cancel"),
    ],
)
def test_rejected_command_prints_one_line_and_changes_nothing(arguments: tuple[str, ...], run: Run, town: Town) -> None:
    before = town.kit.redis.hgetall(town.kit.keys.stores)
    ran = run(*arguments)
    assert ran.status == 1
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith("webhook-kit: ")
    assert town.kit.redis.hgetall(town.kit.keys.stores) == before


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("add", "new", "--adapter", "bogus", "--timezone", "Mars"), 2, "--timezone: "),
        (("edit", "main"), 2, "no change was given"),
        (
            ("edit", "main", "--unset", "nothing"),
            2,
            "Invalid value for --unset: store main has no option or credential",
        ),
        (("edit", "main", "--no-delivery", "--no-pickup"), 2, ""),
        (("export", "/nowhere/stores.toml"), 1, "/nowhere/stores.toml"),
    ],
)
def test_wrong_option_is_a_usage_error_and_changes_nothing(
    arguments: tuple[str, ...], status: int, message: str, run: Run, town: Town
) -> None:
    before = town.kit.redis.hgetall(town.kit.keys.stores)
    ran = run(*arguments)
    assert ran.status == status
    (error,) = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    assert message in error
    assert town.kit.redis.hgetall(town.kit.keys.stores) == before


def test_what_is_exported_is_a_stores_file_for_its_owner_alone(run: Run, town: Town, tmp_path: Path) -> None:
    run("add", "harbour", "--adapter", "bogus", "--credential", "token")
    file = tmp_path / "stores.toml"
    assert run("export", file).status == 0
    assert file.stat().st_mode & 0o077 == 0
    assert {store.id: store for store in FileStores(file)} == {store.id: store for store in town.kit.stores}
    before = file.read_bytes()
    assert "--force" in run("export", file).err
    assert file.read_bytes() == before
    bare = tomllib.loads(run("export", "-", "--without-credentials").out)
    assert "credentials" not in bare["stores"]["harbour"]
    assert run("export", file, "--force").status == 0
    assert [path.name for path in tmp_path.iterdir() if "stores.toml" in path.name] == ["stores.toml"]


def test_generated_key_rotates_the_credentials(run: Run, town: Town) -> None:
    run("add", "harbour", "--adapter", "bogus", "--credential", "token")
    key = run("generate-key").out.strip()
    assert len({key, new_key()}) == 2
    town.kit.store_repository._cipher = CredentialCipher([key])
    assert run("rotate-keys").out == "1 stores encrypted with the newest key\n"
    assert b"topsecret" not in town.kit.redis.hget(town.kit.keys.stores, "harbour")  # type: ignore[operator] # it is there
    assert run("rotate-keys").out == "0 stores encrypted with the newest key\n"


# -- and at gett -------------------------------------------------------------------------------------------------------


def test_onboarding_shows_how_far_it_is(run: Run, town: Town) -> None:
    ran = run("onboard", "main", "--street", "1 Main Street", "--phone", "+15550100")
    assert ran.status == 0
    assert ran.out.splitlines()[0].startswith("registered: ")
    assert ran.out.splitlines()[-1] == f"store main is active at Gett as {town.active()[0]}"
    assert town.context.state.stores[town.active()[0]].store.phone == "+15550100"


def test_onboarding_in_the_background_and_one_that_takes_too_long(run: Run, town: Town) -> None:
    town.context.options.ingestion_seconds = 3600
    assert run("onboard", "main", "--background").status == 0
    assert town.kit.redis.smembers(town.kit.keys.onboardings) == {b"main"}
    ran = run("onboard", "main", "--timeout", 0)
    assert ran.status == 1
    assert "continue with webhook-kit stores onboard main" in ran.out
    assert "onboarding: registered pending_catalog" in run("show", "main").out
    assert run("onboard", "main", "--cancel").out == "store main: the registration is cancelled\n"
    assert town.registered() == []


def test_a_lost_registration_tells_the_operator_what_to_do_line_by_line(run: Run, town: Town) -> None:
    town.faults[REGISTER] = [0]
    ran = run("onboard", "main")
    assert ran.status == 1
    assert len(ran.err.splitlines()) == 4
    assert all(line.startswith("webhook-kit: ") for line in ran.err.splitlines())


def test_gett_s_side_is_listed_and_shown_with_differences_marked(run: Run, here: Town) -> None:
    gett_id = here.active()[0]
    assert rows(run)["main"]["atGett"] == "online"
    assert "≠" not in run("show", "main").out
    here.kit.stores.add(Store("lost", "g-lost", "bogus"))
    here.kit.stores.add(Store("new", "", "bogus"))
    record = here.context.state.stores[gett_id]
    record.store.name = "Elsewhere"
    here.context.state.stores["theirs"] = record.model_copy(
        update={"store": record.store.model_copy(update={"store_id": "theirs"})}
    )
    listed = rows(run)
    assert listed["lost"]["atGett"] == "≠ unknown there"
    assert listed["new"]["atGett"] == "not onboarded"
    (foreign,) = (row for row in listed.values() if row["gettStoreId"] == "theirs")
    assert "≠ unknown here" in foreign["atGett"]
    assert "name at Gett: ≠ Elsewhere" in run("show", "main").out
    assert "at Gett: ≠ unknown there" in run("show", "lost").out
    here.kit.store_status.pause("main", "too_busy")
    assert rows(run)["main"]["atGett"].endswith("≠"), "it is told, and not there yet"


@pytest.mark.parametrize("why", ["away", "no key"])
def test_when_gett_cannot_be_asked_that_is_said_and_our_side_is_shown(why: str, run: Run, here: Town) -> None:
    broken = {"gett_api_url": f"http://127.0.0.1:{free_port()}"} if why == "away" else {"gett_api_key": None}
    here.kit = here.process(**broken) if why == "away" else Kit(here.kit.settings.model_copy(update=broken))
    for arguments in (("list",), ("show", "main")):
        ran = run(*arguments)
        assert ran.status == 0
        assert "Gett cannot be asked, only local data is shown" in ran.err
        assert here.active()[0] in ran.out


def test_a_store_s_metadata_is_changed_at_gett_within_the_quota(run: Run, here: Town) -> None:
    sent = here.kit.redis.llen(here.kit.keys.sends)
    ran = run(
        "edit",
        "main",
        "--name",
        "New Name",
        "--phone",
        "+15550111",
        "--description",
        "good",
        "--no-delivery",
        "--pickup",
    )
    assert ran.out.splitlines() == ["store main is changed at Gett", "store main is changed here"]
    store = here.context.state.stores[here.active()[0]].store
    assert (store.name, store.phone, store.description) == ("New Name", "+15550111", "good")
    assert here.kit.stores.get("main").name == "New Name"
    assert here.kit.redis.llen(here.kit.keys.sends) == sent + 1


def test_a_store_that_is_removed_leaves_nothing_that_lasts(here: Town, run: Run) -> None:
    kit, store = here.kit, here.kit.stores.get("main")
    kit.availability.mark_unavailable(store, "cola")
    kit.store_status.pause(store, "too_busy")
    assert kit.publisher.current("main") is not None
    assert run("remove", "main", "--yes").status == 0
    assert kit.publisher.current("main") is None
    assert not [name for name in kit.lanes.all_waiting() if name.endswith(":main")]
    about = [
        key.decode() for key in kit.redis.scan_iter(f"{kit.keys.prefix}*") if b"main" in key or b"catalog-set:" in key
    ]
    assert [key for key in about if kit.redis.ttl(key) == -1] == []
