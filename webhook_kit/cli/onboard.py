"""``webhook-kit stores onboard``: register a store at Gett."""

from __future__ import annotations

import click

from webhook_kit.cli.common import examples, open_kit, warn_of_missing
from webhook_kit.cli.completion import complete_stores

__all__ = ["onboard"]


@click.command(
    epilog=examples(
        "webhook-kit stores onboard main",
        'webhook-kit stores onboard main --street "1 Main St" --city Springfield --postal-code 12345 --phone +15550100',
        "webhook-kit stores onboard main --background",
    )
)
@click.argument("store", shell_complete=complete_stores)
@click.option("--street", metavar="TEXT", help="Street and number of the store, for Gett.")
@click.option("--city", metavar="TEXT", help="City of the store.")
@click.option("--state", metavar="TEXT", help="State or region of the store.")
@click.option("--postal-code", metavar="TEXT", help="Postal code of the store.")
@click.option("--country", metavar="TEXT", help="Country of the store.")
@click.option("--phone", metavar="NUMBER", help="Phone number of the store that Gett shows.")
@click.option("--logo-url", metavar="URL", help="Address of the logo that Gett shows.")
@click.option("--description", metavar="TEXT", help="Description that Gett shows.")
@click.option("--onboarding-id", metavar="ID", default="", help="Continue this registration at Gett.")
@click.option("--restart", is_flag=True, help="Start again; cancels a known registration first.")
@click.option("--cancel", is_flag=True, help="Cancel the registration, at Gett too.")
@click.option("--background", is_flag=True, help="Register only; the sync worker does the rest.")
@click.option(
    "--timeout", type=click.IntRange(0, 86_400), default=600, show_default=True, help="Seconds to wait for Gett."
)
def onboard(
    store: str,
    onboarding_id: str,
    restart: bool,
    cancel: bool,
    background: bool,
    timeout: int,
    phone: str | None,
    logo_url: str | None,
    description: str | None,
    **address: str | None,
) -> None:
    """Register a store at Gett and activate it. Run again, the command continues where it stopped.

    What is not given is not sent to Gett. `webhook-kit stores show` shows the progress.
    """
    from webhook_kit.cli.safe_console import SafeConsole
    from webhook_kit.gett.models.store import CommerceAddress
    from webhook_kit.stores.onboarding import Progress, Step, StoreDetails

    kit = open_kit(changes_gett=True)
    found = kit.stores.get(store)
    if cancel:
        kit.onboarding.cancel(found, onboarding_id=onboarding_id)
        click.echo(f"store {found.id}: the registration is cancelled")
        return
    given = {name: value for name, value in address.items() if value is not None}
    details = StoreDetails(CommerceAddress(**given) if given else None, phone, logo_url, description)
    with SafeConsole(stderr=True).status(f"onboarding {found.id}") as status:

        def show(progress: Progress) -> None:
            words = progress.status or progress.step
            status.update(f"onboarding {found.id}: {words}")
            click.echo(f"{progress.step}: {words}" + (f" ({progress.onboarding_id})" if progress.onboarding_id else ""))

        ended = kit.onboarding.onboard(
            found,
            details,
            onboarding_id=onboarding_id,
            restart=restart,
            timeout=0 if background else timeout,
            on_progress=show,
        )
    if ended.step is Step.DONE:
        click.echo(f"store {found.id} is active at Gett as {ended.gett_id}")
    elif background:
        kit.onboarding.follow(found.id)
        click.echo(f"store {found.id}: the sync worker continues; see webhook-kit stores show {found.id}")
        warn_of_missing(kit, "sync")
    else:
        click.echo(
            f"store {found.id} is not active yet ({ended.status}); continue with webhook-kit stores onboard {found.id}"
        )
        raise SystemExit(1)
