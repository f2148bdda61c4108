"""Logs: one JSON object per line, and nothing in it that was not named by the caller.

The kit logs by allow-list: ids, codes, figures. Bodies, headers, payment and customer contact are never handed to a logger.
"""

from __future__ import annotations

import logging
import sys

import structlog

__all__ = ["configure", "logger"]


def configure(level: str = "INFO", format: str = "json") -> None:
    """Set up structlog for this process.

    :param format: ``json`` for platforms, ``console`` for people.
    """
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of one room of the kit."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=name)
    return bound
