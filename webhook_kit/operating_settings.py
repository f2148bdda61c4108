"""Environment variables of an installation's operation: how long data is kept, and logs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["OperatingSettings"]

_DAY = 86_400


class OperatingSettings(BaseModel):
    """Part of the settings with which an installation is operated."""

    model_config = ConfigDict(hide_input_in_errors=True)

    # -- retention -----------------------------------------------------------------------------------------------------
    idempotency_ttl: int = Field(_DAY, ge=60, le=30 * _DAY)
    """Seconds for which a repeated Idempotency-Key gets the same answer (86400: 24 hours, as the protocol requires)."""
    order_ttl: int = Field(7 * _DAY, ge=60, le=365 * _DAY)
    """Seconds for which the record of a settled order is kept (604800: 7 days)."""

    # -- logs ----------------------------------------------------------------------------------------------------------
    log_level: str = Field("INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    """Least severe level that is logged: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``."""
    log_format: str = Field("json", pattern=r"^(json|console)$")
    """Format of the log lines: ``json`` for platforms, ``console`` for people."""
