"""Checks of stores, orders and POS systems while the kit runs."""
