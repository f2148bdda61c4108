"""A second oracle: random catalogs and carts, judged by ``gett-protocol.md`` alone and compared with what the kit decides."""
