"""``webhook-kit stores …`` with a Gett that responds, fails or is out of reach."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import click
import pytest

from tests.stores.onboarding.conftest import REGISTER, OnboardingEnv
from webhook_kit.adapter import Store
from webhook_kit.cli import main
from webhook_kit.kit import Kit
from webhook_kit.stores.cipher import CredentialCipher, new_key
from webhook_kit.stores.file import FileStores
from webhook_kit.testing.processes import free_port


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(env: OnboardingEnv, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(Kit, "from_env", classmethod(lambda _: env.kit))
    monkeypatch.setattr(click, "prompt", lambda name, **_: f"topsecret of {name}")

    def command(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["webhook-kit", "stores", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        output = capsys.readouterr()
        assert "topsecret" not in output.err
        return Result(int(caught.value.code or 0), output.out, output.err)

    return command


@pytest.fixture
def onboarded(env: OnboardingEnv, run: Run) -> OnboardingEnv:
    """The environment with its store onboarded."""
    assert run("onboard", "main").status == 0
    return env


def rows(run: Run) -> dict[str, dict[str, Any]]:
    return {row["store"]: row for row in json.loads(run("list", "--json").out)}


# -- this installation -------------------------------------------------------------------------------------------------


def test_add_show_edit_and_remove_a_store(run: Run, env: OnboardingEnv) -> None:
    result = run("add", "harbour", "--adapter", "bogus", "--timezone", "Europe/Berlin", "--option", "terminal=3",
              "--option", "room=left", "--credential", "token", "--fulfillment", "Pickup")  # fmt: skip
    assert result.out == "store harbour is added; next: webhook-kit stores onboard harbour\n"
    store = env.kit.stores.get("harbour")
    assert (store.options, store.credentials) == ({"terminal": 3, "room": "left"}, {"token": "topsecret of token"})
    shown = run("show", "harbour").out
    assert "credentials: token (set)" in shown
    assert "timezone: Europe/Berlin" in shown
    assert "topsecret" not in shown + run("list").out + run("list", "--json").out
    result = run("edit", "harbour", "--name", "At the harbour", "--option", "terminal=4", "--unset", "room")
    assert result.out == "store harbour is changed here\n"
    store = env.kit.stores.get("harbour")
    assert (store.name, store.options, store.timezone.key) == ("At the harbour", {"terminal": 4}, "Europe/Berlin")
    assert store.credentials == {"token": "topsecret of token"}
    assert store.fulfillment_types == frozenset({"Pickup"})
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
def test_rejected_command_prints_one_line_and_changes_nothing(
    arguments: tuple[str, ...], run: Run, env: OnboardingEnv
) -> None:
    before = env.kit.redis.hgetall(env.kit.keys.stores)
    result = run(*arguments)
    assert result.status == 1
    (line,) = [line for line in result.err.splitlines() if not line.startswith("at http")]
    assert line.startswith("webhook-kit: ")
    assert env.kit.redis.hgetall(env.kit.keys.stores) == before


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("add", "new", "--adapter", "bogus", "--timezone", "Mars"), 2, "--timezone: "),
        (("add", "new", "--adapter", "bogus", "--gett-id", "main-street"), 2, "--gett-id: should be the store's id"),
        (("add", " ", "--adapter", "bogus"), 2, "the id of a store is empty"),
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
    arguments: tuple[str, ...], status: int, message: str, run: Run, env: OnboardingEnv
) -> None:
    before = env.kit.redis.hgetall(env.kit.keys.stores)
    result = run(*arguments)
    assert result.status == status
    (error,) = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    assert message in error
    assert env.kit.redis.hgetall(env.kit.keys.stores) == before


def test_export_writes_a_stores_file_readable_by_its_owner_alone(run: Run, env: OnboardingEnv, tmp_path: Path) -> None:
    run("add", "harbour", "--adapter", "bogus", "--credential", "token")
    file = tmp_path / "stores.toml"
    assert run("export", file).status == 0
    assert file.stat().st_mode & 0o077 == 0
    assert {store.id: store for store in FileStores(file)} == {store.id: store for store in env.kit.stores}
    before = file.read_bytes()
    assert "--force" in run("export", file).err
    assert file.read_bytes() == before
    without_credentials = tomllib.loads(run("export", "-", "--without-credentials").out)
    assert "credentials" not in without_credentials["stores"]["harbour"]
    assert run("export", file, "--force").status == 0
    assert [path.name for path in tmp_path.iterdir() if "stores.toml" in path.name] == ["stores.toml"]


def test_an_option_may_be_a_list_or_a_table(run: Run, env: OnboardingEnv) -> None:
    options = ("--option", 'calls=["quote"]', "--option", 'presets={"Pickup": 1}', "--option", "text= plain ")
    assert run("add", "harbour", "--adapter", "bogus", *options).status == 0
    assert env.kit.stores.get("harbour").options == {"calls": ["quote"], "presets": {"Pickup": 1}, "text": "plain"}


def test_export_replaces_files_alone(run: Run, env: OnboardingEnv, tmp_path: Path) -> None:
    pipe, link, target, folder = (tmp_path / name for name in ("pipe", "link", "target", "folder"))
    os.mkfifo(pipe)
    target.write_text("old")
    link.symlink_to(target)
    folder.mkdir()
    for other, complaint in ((pipe, "is not a regular file"), (folder, "is a directory")):
        result = run("export", other, "--force")
        assert result.status == 2
        assert complaint in result.err
    assert pipe.is_fifo()
    too_long = run("export", tmp_path / ("x" * 300))
    assert too_long.status == 1
    assert "File name too long" in too_long.err
    assert run("export", link, "--force").status == 0
    assert link.is_symlink()
    assert "[stores.main]" in target.read_text()


def test_generated_key_rotates_the_credentials(run: Run, env: OnboardingEnv) -> None:
    run("add", "harbour", "--adapter", "bogus", "--credential", "token")
    key = run("generate-key").out.strip()
    assert len({key, new_key()}) == 2
    env.kit.store_repository._cipher = CredentialCipher([key])
    assert run("rotate-keys").out == "1 stores encrypted with the newest key\n"
    assert b"topsecret" not in env.kit.redis.hget(env.kit.keys.stores, "harbour")  # type: ignore[operator] # it is there
    assert run("rotate-keys").out == "0 stores encrypted with the newest key\n"


def test_store_whose_credentials_cannot_be_decrypted_can_be_removed_and_added_again(
    run: Run, env: OnboardingEnv
) -> None:
    arguments = ("add", "harbour", "--adapter", "bogus", "--credential", "token")
    env.kit = env.process(webhook_kit_key=[new_key()])
    assert run(*arguments).status == 0
    env.kit = env.process(webhook_kit_key=[new_key()])
    for command in (("show", "harbour"), ("remove", "typo", "--yes")):
        assert run(*command).status == 1
    assert "no key of WEBHOOK_KIT_KEY decrypts its credentials" in run("show", "harbour").err
    assert run("remove", "harbour", "--yes").out == "store harbour is removed here\n"
    assert run(*arguments).status == 0
    assert env.kit.stores.get("harbour").credentials == {"token": "topsecret of token"}


# -- at Gett -----------------------------------------------------------------------------------------------------------


def test_onboard_prints_its_progress(run: Run, env: OnboardingEnv) -> None:
    result = run("onboard", "main", "--street", "1 Main Street", "--phone", "+15550100")
    assert result.status == 0
    assert result.out.splitlines()[0].startswith("registered: ")
    assert result.out.splitlines()[-1] == f"store main is active at Gett as {env.active()[0]}"
    assert env.context.state.stores[env.active()[0]].store.phone == "+15550100"


def test_onboard_in_the_background_and_beyond_the_timeout(run: Run, env: OnboardingEnv) -> None:
    env.context.options.ingestion_seconds = 3600
    assert run("onboard", "main", "--background").status == 0
    assert env.kit.redis.smembers(env.kit.keys.onboardings) == {b"main"}
    result = run("onboard", "main", "--timeout", 0)
    assert result.status == 1
    assert "continue with webhook-kit stores onboard main" in result.out
    assert "onboarding: registered pending_catalog" in run("show", "main").out
    assert run("onboard", "main", "--cancel").out == "store main: the registration is cancelled\n"
    assert env.registered() == []


def test_onboard_with_a_lost_answer_prints_what_to_do(run: Run, env: OnboardingEnv) -> None:
    env.faults[REGISTER] = [0]
    result = run("onboard", "main")
    assert result.status == 1
    where, *lines = result.err.splitlines()
    assert where.startswith("at http")
    assert [line[:13] for line in lines] == ["webhook-kit: "] * 4


def test_list_and_show_mark_differences_at_gett(run: Run, onboarded: OnboardingEnv) -> None:
    gett_id = onboarded.active()[0]
    assert rows(run)["main"]["atGett"] == "online"
    assert "≠" not in run("show", "main").out
    onboarded.kit.stores.add(Store("lost", str(uuid4()), "bogus"))
    onboarded.kit.stores.add(Store("new", "", "bogus"))
    record = onboarded.context.state.stores[gett_id]
    record.store.name = "Elsewhere"
    onboarded.context.state.stores["theirs"] = record.model_copy(
        update={"store": record.store.model_copy(update={"store_id": "theirs"})}
    )
    listed = rows(run)
    assert listed["lost"]["atGett"] == "≠ unknown there"
    assert listed["new"]["atGett"] == "not onboarded"
    (foreign,) = (row for row in listed.values() if row["gettStoreId"] == "theirs")
    assert "≠ unknown here" in foreign["atGett"]
    assert "name at Gett: ≠ Elsewhere" in run("show", "main").out
    assert "at Gett: ≠ unknown there" in run("show", "lost").out
    onboarded.kit.store_status.pause("main", "too_busy")
    assert rows(run)["main"]["atGett"].endswith("≠"), "the pause is not at Gett yet"


@pytest.mark.parametrize("why", ["unreachable", "no key"])
def test_list_and_show_print_local_data_while_gett_cannot_be_asked(
    why: str, run: Run, onboarded: OnboardingEnv
) -> None:
    broken = {"gett_api_url": f"http://127.0.0.1:{free_port()}"} if why == "unreachable" else {"gett_api_key": ""}
    onboarded.kit = (
        onboarded.process(**broken) if why == "unreachable" else Kit(onboarded.kit.settings.model_copy(update=broken))
    )
    for arguments in (("list",), ("show", "main")):
        result = run(*arguments)
        assert result.status == 0
        assert "Gett cannot be asked, only local data is shown" in result.err
        assert onboarded.active()[0] in result.out


def test_edit_changes_metadata_at_gett_within_the_quota(run: Run, onboarded: OnboardingEnv) -> None:
    sent = onboarded.kit.redis.llen(onboarded.kit.keys.sends)
    result = run(
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
    assert result.out.splitlines() == ["store main is changed at Gett", "store main is changed here"]
    store = onboarded.context.state.stores[onboarded.active()[0]].store
    assert (store.name, store.phone, store.description) == ("New Name", "+15550111", "good")
    assert onboarded.kit.stores.get("main").name == "New Name"
    assert onboarded.kit.redis.llen(onboarded.kit.keys.sends) == sent + 1


def test_remove_leaves_no_lasting_key(onboarded: OnboardingEnv, run: Run) -> None:
    kit, store = onboarded.kit, onboarded.kit.stores.get("main")
    kit.availability.mark_unavailable(store, "cola")
    kit.store_status.pause(store, "too_busy")
    assert kit.publisher.current("main") is not None
    assert run("remove", "main", "--yes").status == 0
    assert kit.publisher.current("main") is None
    assert not [name for name in kit.lanes.all_waiting() if name.endswith(":main")]
    left_over = [
        key.decode() for key in kit.redis.scan_iter(f"{kit.keys.prefix}*") if b"main" in key or b"catalog-set:" in key
    ]
    assert [key for key in left_over if kit.redis.ttl(key) == -1] == []
