"""``webhook-kit dev``: one command for a vendor at his desk."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.console import Console

from webhook_kit import logs
from webhook_kit.dev.demo import Demo
from webhook_kit.dev.environment import DevEnvironment
from webhook_kit.dev.event_log import EventLog
from webhook_kit.dev.keyboard import Keyboard
from webhook_kit.errors import WebhookKitError
from webhook_kit.sandbox.faults import Fault
from webhook_kit.stores.onboarding import Progress

__all__ = ["command"]

_LOOK = 0.5
"""Seconds between two looks at the adapter's files."""

_FAULTS = (
    ("the next placeOrder is delivered twice", Fault(kind="duplicate", call="placeOrder", times=1)),
    ("Gett answers the next three updates 503", Fault(kind="status", status=503, call="setOrderStatus", times=3)),
    ("Gett takes the next update, but its answer is lost", Fault(kind="drop", call="setOrderStatus", times=1)),
    ("the next webhook carries a wrong signature", Fault(kind="wrong_signature", times=1)),
)


def _zone(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"{name!r} is no IANA time zone (America/New_York)") from None


@click.command("dev")
@click.argument("adapter")
@click.option("--tour", is_flag=True, help="Play an order's whole life first; without a terminal, stop after it.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Of the storefront and local Gett; 0 takes a free one."
)
@click.option(
    "--web-port", type=click.IntRange(0, 65535), default=0, help="Of the kit's web server; 0 takes a free one."
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the store for its adapter."
)
@click.option("--credential", "credentials", multiple=True, metavar="NAME=VALUE", help="A credential, likewise.")
@click.option("--timezone", default="UTC", show_default=True, callback=_zone, help="The store's zone.")
@click.option("--seed", default="desk", show_default=True, help="Of everything random: the same seed, the same orders.")
@click.option("--no-open", is_flag=True, help="Do not open the storefront in a browser.")
def command(
    adapter: str,
    tour: bool,
    port: int,
    web_port: int,
    options: tuple[str, ...],
    credentials: tuple[str, ...],
    timezone: str,
    seed: str,
    no_open: bool,
) -> None:
    """Start Redis, a local Gett with a storefront, the web server and the workers, with one store of ADAPTER.

    ADAPTER is a registered name or module:Class. When its files change, it is loaded anew. Ctrl-C ends everything.
    """
    logs.configure("WARNING", "console")
    console = Console(highlight=False)
    at_a_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    desk = DevEnvironment(
        adapter,
        options=dict(map(_pair, options)),
        credentials=dict(map(_pair, credentials)),
        timezone=timezone,
        seed=seed,
        gett_port=port,
        web_port=web_port,
        on_progress=lambda progress: console.print(_onboarding(progress)),
    )
    console.print("starting Redis, a local Gett, the web server and the workers …")
    with suppress(KeyboardInterrupt), desk, EventLog(console, desk.context.log, desk.logs()):
        console.print(f"storefront: [bold]{desk.gett_url}[/]   webhooks: {desk.stack.urls[0]}")
        if tour:
            Demo(desk, console).run()
            if not at_a_terminal:
                return
        if at_a_terminal:
            if not no_open:
                webbrowser.open(desk.gett_url)
            _KeyBindings(desk, console).stay()
        else:
            _wait_for_changes(desk, console)


class _KeyBindings:
    """Keys for what a vendor wants to try, until q."""

    def __init__(self, desk: DevEnvironment, console: Console) -> None:
        self._desk = desk
        self._console = console
        self._last: dict[str, object] | None = None
        self._paused = False
        self._fault = 0
        self._keys: dict[str, tuple[str, Callable[[], None]]] = {
            "o": ("a random order", self._order),
            "r": ("the same cart again", self._again),
            "p": ("pause or resume the store", self._pause),
            "f": ("something goes wrong", self._go_wrong),
            "?": ("this help", self._help),
        }

    def stay(self) -> None:
        self._help()
        with Keyboard.listening() as keyboard, suppress(EOFError):
            while (key := keyboard.key(_LOOK)) not in ("q", "\x04"):
                _reload(self._desk, self._console)
                if key in self._keys:
                    self._do(self._keys[key][1])

    def _do(self, what: Callable[[], None]) -> None:
        try:
            what()
        except WebhookKitError as error:
            self._console.print(f"[red]{type(error).__name__}[/]: {error}", markup=True)

    def _order(self) -> None:
        self._last = self._desk.random_order()
        self._desk.order(self._last)

    def _again(self) -> None:
        if self._last is None:
            self._console.print("nothing was ordered yet: press o")
        else:
            self._desk.order(self._last)

    def _pause(self) -> None:
        stores = self._desk.kit.store_status
        if self._paused:
            stores.resume(self._desk.store)
        else:
            stores.pause(self._desk.store, "too_busy")
        self._paused = not self._paused

    def _go_wrong(self) -> None:
        what, fault = _FAULTS[self._fault % len(_FAULTS)]
        self._fault += 1
        self._desk.trigger(fault)
        self._console.print(f"from here: {what}")

    def _help(self) -> None:
        keys = "   ".join(f"[bold]{key}[/] {what}" for key, (what, _) in self._keys.items())
        self._console.print(f"{keys}   [bold]q[/] end")


def _wait_for_changes(desk: DevEnvironment, console: Console) -> None:
    while True:
        time.sleep(_LOOK)
        _reload(desk, console)


def _reload(desk: DevEnvironment, console: Console) -> None:
    if changed := desk.files.changed():
        console.print(f"{', '.join(os.path.relpath(path) for path in changed[:3])} changed: loading the adapter anew")
        try:
            desk.restart()
        except (TimeoutError, ChildProcessError) as error:
            console.print(f"[red]it does not start[/]; mend it and save again\n{error}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r}: write NAME=VALUE")
    return name, value


def _onboarding(progress: Progress) -> str:
    gett = f", Gett: {progress.status}" if progress.status else ""
    return f"onboarding: {progress.step}{gett}"
