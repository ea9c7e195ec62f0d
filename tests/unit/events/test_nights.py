"""What is told once a trading day, in a night: that is of the day after it."""

from __future__ import annotations

import datetime as dt

import pytest

from gapscan.events.alert_memory import Memory, may_tell
from gapscan.market.sessions import session_times
from gapscan.protocol.messages import AlertDefinition
from gapscan.ranking.alerts import compile_alert

TIMES = session_times(dt.date(2026, 11, 24))  # a Tuesday; its night begins on Monday evening
MINUTE = 60_000


@pytest.mark.parametrize(
    ("told", "now", "may"),
    [
        (TIMES.night + MINUTE, TIMES.pre + MINUTE, False),
        (TIMES.night - MINUTE, TIMES.night + MINUTE, True),
        (TIMES.pre, TIMES.post, False),
    ],
)
def test_once_a_day_is_once_with_the_night_before(told: int, now: int, may: bool) -> None:
    spec = compile_alert(AlertDefinition(name="mine", list="gappers_up", once_a_day=True))
    memory = Memory()
    memory.told["A"] = told
    assert may_tell(spec, memory, "A", now) is may
