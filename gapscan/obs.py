"""What a service says about itself: log lines, and counters that `gapscan status` shows."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from typing import Any, Final

LOGGER_NAME: Final = "gapscan"
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def logger(part: str) -> logging.Logger:
    """The logger of one part, such as `feed`."""
    return logging.getLogger(f"{LOGGER_NAME}.{part}")


class TextFormatter(logging.Formatter):
    """`09:31:02 WARNING feed  message  key=value ...` for people."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        part = record.name.removeprefix(f"{LOGGER_NAME}.")
        extras = "".join(f"  {key}={value}" for key, value in _extras(record).items())
        text = f"{clock} {record.levelname:<7} {part:<8} {record.getMessage()}{extras}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line for machines."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": round(record.created, 3), "level": record.levelname.lower(), "part": record.name}
        line |= {"message": record.getMessage(), **_extras(record)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def setup_logging(level: str, style: str) -> None:
    """Send gapscan's log to stderr; `style` is text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger(LOGGER_NAME)
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False


class Tally:
    """Counts of what happened, by name; the first of each kind is also logged.

    For trouble that may come thousands of times a second: nothing is silent, and nothing floods the log.
    """

    def __init__(self, log: logging.Logger) -> None:
        self.counts: Counter[str] = Counter()
        self._log = log

    def count(self, name: str, number: int = 1) -> None:
        """Count without a log line."""
        self.counts[name] += number

    def trouble(self, name: str, message: str, number: int = 1, **extra: Any) -> None:
        """Count trouble; log it the first time, and at each tenfold after that."""
        before = self.counts[name]
        self.counts[name] += number
        if before == 0 or len(str(before)) < len(str(self.counts[name])):
            self._log.warning(message, extra={"count": self.counts[name], **extra})
