"""A local Gett for several stores, as a process: ``python -m tests.load.gett PORT SECRET API_KEY STORE=GETT_ID …``."""

from __future__ import annotations

import sys

from webhook_kit.gett.models.store import CommerceStore
from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.sandbox.server import server
from webhook_kit.sandbox.state import StoreRecord


def main() -> None:
    port, secret, api_key, *stores = sys.argv[1:]
    gett_ids = dict(store.split("=") for store in stores)
    gett = LocalGett("", secret, api_key, next(iter(gett_ids.values())))
    gett.context.state.stores = {
        gett_id: StoreRecord(store=CommerceStore(store_id=gett_id, name=store), partner_store_id=store)
        for store, gett_id in gett_ids.items()
    }
    with server(gett.app, int(port)) as listening:
        listening.serve_forever()


if __name__ == "__main__":
    main()
