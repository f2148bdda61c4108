"""Rules of a CatalogSet: validation, cart checks and prices, opening hours, differences. No Redis and no HTTP."""
