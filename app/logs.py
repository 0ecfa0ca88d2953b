"""Log lines: JSON on standard error, without phone numbers, addresses and tokens.

Nothing is written before ``configure`` is called, so that tests and imports write nothing.
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

# Private data, which is replaced in every line by the name of the group that matches.
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
    """Write the log lines of this process to ``stream``, by default to standard error.

    Lines of libraries that use ``logging`` have the same format; they are written from the level warning on.
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
    """Stop writing log lines."""
    structlog.configure(processors=[_drop])
    _request_lines.clear()


def get_logger() -> FilteringBoundLogger:
    """The logger for a module. It writes nothing before ``configure`` is called."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def request(**fields: str | float | None) -> None:
    """Write the log line of one request, if ``configure`` was called.

    It does not go through structlog, and private data is not searched for, because both take longer than everything
    else here. The caller must not pass values that a client chose.
    """
    for stream in _request_lines:
        at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        stream.write(json.dumps({**fields, "event": "request", "level": "info", "at": at}) + "\n")


def redacted(text: str) -> str:
    """The text with private data replaced by its kind: ``[phone]``, ``[email]``, ``[token]`` and others."""
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
