"""Pydantic models of all objects that Gett and its partners exchange (``gett-protocol.md §2`` to ``§6``).

Import each from its module: one of them takes much less time than all, which :mod:`webhook_kit.gett.schemas` lists.
"""
