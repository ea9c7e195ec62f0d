"""Counts to look at."""

from __future__ import annotations

import pytest

from gapscan.obs import Tally, logger


@pytest.fixture
def tally() -> Tally:
    return Tally(logger("test"))
