"""POS → Gett: what the POS says, on its way to Gett."""
