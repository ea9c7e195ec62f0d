"""Errors as exit codes, and in one line each."""

from __future__ import annotations

import pytest
import typer

from gapscan.errors import (
    BusError,
    ConfigError,
    DataError,
    FeedError,
    FencedError,
    GapscanError,
    SpecError,
    UnknownListError,
)
from gapscan_cli import exits


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (SpecError("x"), 2),
        (UnknownListError("x"), 2),
        (DataError("x"), 2),
        (BusError("x"), 1),
        (FencedError("x"), 1),
        (FeedError("x"), 1),
        (GapscanError("x"), 1),
    ],
)
def test_exit_codes(error: GapscanError, code: int) -> None:
    assert exits.code_of(error) == code


def test_errors_are_one_line() -> None:
    assert exits.line_of(BusError("no\nserver", remedy="start\n one")) == "error: no server (start one)"
    assert (
        exits.usage_line(typer.BadParameter("Not a\n day.")) == "error: invalid value: Not a day (see `gapscan --help`)"
    )
