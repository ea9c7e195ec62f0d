"""What a service says about itself: log lines, and counters that `gapscan status` shows; never a secret."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, quote_plus

LOGGER_NAME: Final = "gapscan"
MASK: Final = "***"
_SHORTEST: Final = 4  # characters of a secret: what is shorter is part of many words
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def logger(part: str) -> logging.Logger:
    """The logger of one part, such as `feed`."""
    return logging.getLogger(f"{LOGGER_NAME}.{part}")


class Mask:
    """Puts MASK in the place of each secret that it was given, in the ways in which libraries write them too."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these from now on."""
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                self._forms |= {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}
                self._forms |= {repr(secret)[1:-1], json.dumps(secret)[1:-1]}
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def values(self, value: Any) -> Any:
        """The same for all texts in what is about to become JSON; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.values(each) for key, each in value.items()}
        return [self.values(each) for each in value] if isinstance(value, list | tuple) else value


_mask = Mask()
# The one filter of a process: of its log, its status, and what it says of errors to anybody.
hide, masked, masked_values = _mask.add, _mask.text, _mask.values


class TextFormatter(logging.Formatter):
    """`09:31:02 WARNING feed  message  key=value ...` for people."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        part = record.name.removeprefix(f"{LOGGER_NAME}.")
        extras = "".join(f"  {key}={value}" for key, value in _extras(record).items())
        text = f"{clock} {record.levelname:<7} {part:<8} {record.getMessage()}{extras}"
        return masked(f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line for machines."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": round(record.created, 3), "level": record.levelname.lower(), "part": record.name}
        line |= {"message": record.getMessage(), **_extras(record)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return masked(json.dumps(masked_values(line), default=str))


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class _Stderr(logging.StreamHandler[Any]):
    """Where the log goes."""


def setup_logging(level: str, style: str) -> None:
    """Send the log to stderr, of libraries what they warn of; `style` is text or json."""
    handler = _Stderr(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [*(each for each in root.handlers if not isinstance(each, _Stderr)), handler]
    ours = logging.getLogger(LOGGER_NAME)
    ours.handlers[:] = [handler]
    ours.setLevel(level.upper())
    ours.propagate = False
    sys.excepthook = _print_masked


def _print_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught ends the process, and may quote anything."""
    sys.stderr.write(masked("".join(traceback.format_exception(kind, error, trace))))


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
