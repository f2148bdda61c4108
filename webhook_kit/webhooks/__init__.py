"""HTTP endpoints: orders from Gett, events from a POS, and published catalogs."""
