from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gapscan.errors import ConfigError, DataError
from gapscan.market.sessions import epoch_ms
from gapscan.sim import SimOptions, make_server

SUNDAY = dt.date(2026, 11, 22)
FRIDAY = dt.date(2026, 11, 20)


def test_defaults() -> None:
    server = make_server(SimOptions(symbols=50), today=SUNDAY)
    assert server.market.source.start_date == FRIDAY
    assert 0 <= server.clock.now() - epoch_ms(FRIDAY, dt.time(9, 25)) < 1000
    assert server.clock.speed == 1
    assert server.accepts("anything")
    assert not server.accepts("")


def test_a_given_day_and_time() -> None:
    options = SimOptions(symbols=50, day=dt.date(2026, 3, 9), start="04:00:30", manual=True)
    server = make_server(options, today=SUNDAY)
    assert server.clock.now() == epoch_ms(dt.date(2026, 3, 9), dt.time(4, 0, 30))


@pytest.mark.parametrize(
    "settings",
    [{"day": SUNDAY}, {"start": "noon"}, {"speed": 0}, {"symbols": 1}, {"symbols": 99_999}, {"bar_delay": -1}],
)
def test_settings_that_cannot_be(settings: Any) -> None:
    with pytest.raises(ConfigError) as error:
        make_server(SimOptions(**({"symbols": 50} | settings)), today=SUNDAY)
    assert error.value.remedy
    assert next(iter(settings)) in error.value.message


def test_unknown_settings() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"seeds": 3}, SimOptions)


def test_a_replay_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        make_server(SimOptions(replay=tmp_path), today=SUNDAY)


async def test_a_port_that_is_taken() -> None:
    async with make_server(SimOptions(symbols=50), today=SUNDAY) as first:
        with pytest.raises(ConfigError, match="cannot listen"):
            await make_server(SimOptions(symbols=50, port=first.port), today=SUNDAY).__aenter__()
