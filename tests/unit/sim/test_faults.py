from __future__ import annotations

import re
from typing import Any

import pytest

from gapscan.errors import ConfigError
from gapscan.sim import Faults, faults


def test_count_runs_out() -> None:
    active = Faults()
    active.set("rest_status", status=429, count=2)
    fault = active.take("rest_status")
    assert fault is not None
    assert fault.status == 429
    assert active.take("rest_status")
    assert active.take("rest_status") is None
    assert active.describe() == {}


def test_without_count_until_cleared() -> None:
    active = Faults()
    active.set("ws_silent")
    assert all(active.take("ws_silent") for _ in range(5))
    active.clear("ws_silent")
    assert active.take("ws_silent") is None
    active.clear("ws_silent")


def test_endpoint() -> None:
    active = Faults()
    active.set("rest_drop", endpoint="grouped", count=1)
    assert active.take("rest_drop", "snapshot") is None
    assert active.take("rest_drop", "grouped")


def test_topics() -> None:
    active = Faults()
    active.set("ws_refused", topics=["A.X"], count=1)
    assert not active.hits_topic("ws_refused", "A.Y")
    assert active.hits_topic("ws_refused", "A.X")
    assert not active.hits_topic("ws_refused", "A.X")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rest_fire", {}),
        ("rest_status", {"statsu": 3}),
        ("rest_status", {"status": 99}),
        ("rest_status", {"status": "bad"}),
        ("ws_late", {"minutes": 16}),
        ("ws_close", {"code": 7}),
        ("ws_silent", {"count": 0}),
        ("rest_slow", {"seconds": -1}),
        ("ws_garbage", {"kind": "noise"}),
    ],
)
def test_refused(name: str, options: Any) -> None:
    active = Faults()
    with pytest.raises(ConfigError) as error:
        active.set(name, **options)
    assert error.value.remedy
    assert active.describe() == {}


def test_every_fault_is_in_the_table() -> None:
    assert set(re.findall(r"^\| ((?:rest|ws)_\w+)", faults.__doc__, re.M)) == set(faults.NAMES)


def test_some_requests_may_pass_first() -> None:
    faults = Faults()
    faults.set("rest_status", endpoint="tickers", skip=2, count=1, status=500)
    assert faults.take("rest_status", "grouped") is None  # another endpoint's requests do not count
    assert [bool(faults.take("rest_status", "tickers")) for _ in range(4)] == [False, False, True, False]
