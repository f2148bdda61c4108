"""Publication of a store's catalog: from its POS to Gett."""
