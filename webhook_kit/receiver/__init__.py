"""Gett → POS: authentic? once? legal? priced? Then to the adapter."""
