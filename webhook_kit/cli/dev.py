"""``webhook-kit dev``: run an adapter with everything that it needs."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from webhook_kit import logs
from webhook_kit.cli.common import examples, hosts_option
from webhook_kit.cli.completion import complete_adapters
from webhook_kit.errors import ConfigurationError, WebhookKitError

if TYPE_CHECKING:
    from rich.console import Console

    from webhook_kit.dev.environment import DevEnvironment
    from webhook_kit.sandbox.faults import Fault
    from webhook_kit.stores.onboarding import Progress

__all__ = ["command"]

_POLL_INTERVAL = 0.5
"""Seconds between two checks of the adapter's files."""


def _zone(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"{name!r} is not a valid IANA time zone, such as America/New_York") from None


@click.command(
    "dev",
    epilog=examples(
        "webhook-kit dev bogus --demo --option outcomes=hidden",
        "webhook-kit dev my_pos.adapter:MyPos --option base_url=http://127.0.0.1:9000 --credential token=secret",
        "webhook-kit dev square --port 8090 --web-port 8000 --no-open",
    ),
)
@click.argument("adapter", shell_complete=complete_adapters)
@click.option("--demo", is_flag=True, help="Run the demo first; without a terminal, exit after it.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of the storefront and the sandbox (0: any free port).",
)
@click.option(
    "--web-port", type=click.IntRange(0, 65535), default=0, help="Port of the kit's web server (0: any free port)."
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the store for its adapter (repeatable)."
)
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="NAME=VALUE",
    help="Credential of the store for its adapter (repeatable).",
)
@hosts_option
@click.option(
    "--timezone", metavar="ZONE", default="UTC", show_default=True, callback=_zone, help="IANA time zone of the store."
)
@click.option("--seed", default="dev", show_default=True, help="Random seed.")
@click.option("--no-open", is_flag=True, help="Do not open the storefront in a browser.")
def command(
    adapter: str,
    demo: bool,
    port: int,
    web_port: int,
    options: tuple[str, ...],
    credentials: tuple[str, ...],
    hosts: tuple[str, ...],
    timezone: str,
    seed: str,
    no_open: bool,
) -> None:
    """Start Redis, a sandbox with a storefront, the web server and a worker, with one store of ADAPTER.

    ADAPTER is a registered name or module:Class. When its files change, it is reloaded. Press Ctrl-C to stop everything.

    All other commands act on it in another terminal, such as trigger, order list and sandbox log, after the line that is printed.
    """
    from webhook_kit.cli.safe_console import SafeConsole
    from webhook_kit.dev.demo import Demo
    from webhook_kit.dev.environment import DevEnvironment
    from webhook_kit.dev.event_log import EventLog

    logs.configure("WARNING", "console")
    console = SafeConsole(highlight=False)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    environment = DevEnvironment(
        adapter,
        options=dict(map(_pair, options)),
        credentials=dict(map(_pair, credentials)),
        timezone=timezone,
        seed=seed,
        gett_port=port,
        web_port=web_port,
        hosts=hosts,
        on_progress=lambda progress: console.print(_onboarding(progress)),
    )
    console.print("starting Redis, the sandbox, the web server and a worker …")
    with (
        suppress(KeyboardInterrupt),
        environment,
        EventLog(console, environment.sandbox.log, environment.logs()),
    ):
        console.print(f"storefront: [bold]{environment.gett_url}[/]   webhooks: {environment.webhook_url}")
        console.print(f"for commands in another terminal: . {environment.variables}", soft_wrap=True)
        if demo:
            Demo(environment, console).run()
            if not interactive:
                return
        if interactive:
            if not no_open:
                webbrowser.open(environment.gett_url)
            _KeyBindings(environment, console).run()
        else:
            _wait_for_changes(environment, console)


class _KeyBindings:
    """Keys that act on the dev environment, until q is pressed."""

    def __init__(self, environment: DevEnvironment, console: Console) -> None:
        self._environment = environment
        self._console = console
        self._last_order: dict[str, object] | None = None
        self._paused = False
        self._faults = cycle(_faults())
        self._keys: dict[str, tuple[str, Callable[[], None]]] = {
            "o": ("place a random order", self._order),
            "r": ("repeat the last cart", self._repeat),
            "p": ("pause or resume the store", self._pause),
            "f": ("trigger a fault", self._trigger_fault),
            "?": ("show this help", self._help),
        }

    def run(self) -> None:
        from webhook_kit.dev.keyboard import Keyboard

        with Keyboard.listening() as keyboard, suppress(EOFError):
            self._help()
            while (key := keyboard.key(_POLL_INTERVAL)) not in ("q", "\x04"):
                _reload(self._environment, self._console)
                if key in self._keys:
                    self._execute(self._keys[key][1])

    def _execute(self, action: Callable[[], None]) -> None:
        try:
            action()
        except WebhookKitError as error:
            self._console.print(f"[red]{type(error).__name__}[/]: {error}", markup=True)

    def _order(self) -> None:
        self._last_order = self._environment.random_order()
        self._environment.order(self._last_order)

    def _repeat(self) -> None:
        if self._last_order is None:
            self._console.print("there is no order to repeat; press o first")
        else:
            self._environment.order(self._last_order)

    def _pause(self) -> None:
        store_status = self._environment.kit.store_status
        if self._paused:
            store_status.resume(self._environment.store)
        else:
            store_status.pause(self._environment.store, "too_busy")
        self._paused = not self._paused

    def _trigger_fault(self) -> None:
        description, fault = next(self._faults)
        self._environment.trigger(fault)
        self._console.print(f"fault: {description}")

    def _help(self) -> None:
        keys = "   ".join(f"[bold]{key}[/] {description}" for key, (description, _) in self._keys.items())
        self._console.print(f"{keys}   [bold]q[/] quit")


def _faults() -> list[tuple[str, Fault]]:
    """Return the faults that a key triggers in turn, and what each does."""
    from webhook_kit.sandbox.faults import Fault

    return [
        ("Gett delivers the next placeOrder twice", Fault(kind="duplicate", call="placeOrder", times=1)),
        (
            "Gett answers the next three updates with 503",
            Fault(kind="status", status=503, call="setOrderStatus", times=3),
        ),
        ("Gett applies the next update, but its response is lost", Fault(kind="drop", call="setOrderStatus", times=1)),
        ("Gett signs the next webhook with a wrong secret", Fault(kind="wrong_signature", times=1)),
    ]


def _wait_for_changes(environment: DevEnvironment, console: Console) -> None:
    while True:
        time.sleep(_POLL_INTERVAL)
        _reload(environment, console)


def _reload(environment: DevEnvironment, console: Console) -> None:
    if changed := environment.files.changed():
        from rich.text import Text

        names = ", ".join(os.path.relpath(path) for path in changed[:3])
        console.print(Text(f"{names} changed: reloading the adapter"), soft_wrap=True)
        try:
            environment.restart()
        except ConfigurationError as error:
            console.print(Text(f"{error}; the last good code goes on", style="red"), soft_wrap=True)
        except (TimeoutError, ChildProcessError) as error:
            console.print(Text(f"the new processes do not start; the last good code goes on\n{error}", style="red"))
        else:
            console.print(Text(f"{names} loaded"), soft_wrap=True)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r} is not valid; write NAME=VALUE")
    return name, value


def _onboarding(progress: Progress) -> str:
    gett = f", Gett: {progress.status}" if progress.status else ""
    return f"onboarding: {progress.step}{gett}"
