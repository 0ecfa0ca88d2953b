"""Log lines: JSON on standard error, without phone numbers, addresses or tokens in them.

Nothing is written before ``configure`` was called, so that tests and imports stay quiet.
"""

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

# What must never stand in a log, whoever wrote the line: the first group that matches names what was there.
_PRIVATE = re.compile(
    r"(?P<parameters>\[parameters: .*?(?:\](?=\n)|\Z))"
    r"|(?P<bearer>\bbearer\s++[^\s\"',]+)"
    r"|(?P<token>\bassent_[\w-]{16,}|(?<=/f/)(?!form/)[\w-]{8,}|(?<=/f/form/)[\w-]{8,})"
    r"|(?P<credentials>(?<=://)[^/\s@]+@)"
    r"|(?P<email>(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<phone>(?:\+|%2B)\d(?:[\s().-]{0,2}\d){6,}|(?<![\w.:-])\d{9,15}(?![\w.:-]))",
    re.IGNORECASE | re.DOTALL,
)
_request_lines: list[TextIO] = []


def configure(stream: TextIO | None = None) -> None:
    """From here on this process writes its log lines to ``stream``, standard error when not given.

    Lines of libraries that use ``logging`` come out alike, from warnings upwards.
    """
    stream = stream or sys.stderr
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_SHARED,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _request_lines[:] = [stream]


def silence() -> None:
    """Write nothing any more."""
    structlog.configure(processors=[_drop])
    _request_lines.clear()


def get_logger() -> FilteringBoundLogger:
    """The logger for a module. Whoever takes it from here is silent until ``configure``, as this module sees to it."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def request(**fields: str | float | None) -> None:
    """Write the one line of a request; like every line, only once ``configure`` was called.

    It is made by hand and is not searched for what is private, either of which would take longer than all the rest of
    it: the caller gives nothing that a client chose.
    """
    for stream in _request_lines:
        at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        stream.write(json.dumps({**fields, "event": "request", "level": "info", "at": at}) + "\n")


def redacted(text: str) -> str:
    """The text with numbers, addresses, tokens and parameters of statements replaced by what they were."""
    return _PRIVATE.sub(lambda found: f"[{found.lastgroup}]", text)


def _redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str) and len(value) > 6:
            event[name] = redacted(value)
    return event


def _drop(_logger: Any, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


_SHARED = cast(
    list[Processor],
    [
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        _redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ],
)
silence()
