"""Budgets, guesses and peers: the small parts of the door."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.bridge import guesses
from gapscan.bridge.commands import TokenCheck, is_token
from gapscan.bridge.connection_gate import peer_of
from gapscan.bridge.guesses import Guesses
from gapscan.bridge.limits import GUESS_SECONDS, GUESSES
from gapscan.obs import Tally, logger
from gapscan.protocol.websocket import RefusedError
from gapscan.runtime import TokenBucket


@given(
    st.floats(0.1, 1000),
    st.floats(1, 1e6),
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1e6)), max_size=40),
)
def test_a_bucket_that_may_be_overdrawn(rate: float, most: float, steps: list[tuple[float, float]]) -> None:
    """Beside a plain bucket that is filled up step by step."""
    bucket, now, left = TokenBucket(rate, most), 1000.0, most
    for pause, cost in steps:
        now += pause
        left = min(most, left + pause * rate)
        wait = bucket.wait(now)
        assert wait == pytest.approx(max(0.0, (1 - left) / rate), rel=1e-6, abs=1e-6 * (1 + cost) / rate)
        if wait == 0:
            bucket.spend(now, cost)
            left -= cost


@given(st.text(max_size=20), st.none() | st.text(max_size=3))
def test_only_who_says_the_token_knows_it(said: str, token: str | None) -> None:
    assert is_token(said, token) == (said == token and said != "")


@pytest.mark.parametrize(("token", "other"), [("", None), ("", ""), ("secret", ""), ("secret", None)])
@pytest.mark.parametrize("said", ["", "wrong", "no text: \udcff"])
def test_a_token_that_is_empty_lets_nobody_in(token: str, other: str | None, said: str) -> None:
    check = TokenCheck(token, Guesses(lambda: 0.0), "192.0.2.7", Tally(logger("test")), other)
    with pytest.raises(RefusedError, match="the token is wrong"):
        check.check(said)


class _Transport:
    def __init__(self, name: Any) -> None:
        self._name = name

    def get_extra_info(self, name: str) -> Any:
        return self._name if name == "peername" else None


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        (("192.0.2.7", 5), "192.0.2.7"),
        (("::1", 5, 0, 0), "::/64"),
        (("2001:db8:1:2:3:4:5:6", 5, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 5, 0, 3), "fe80::/64"),
        (("::ffff:192.0.2.7", 5, 0, 0), "192.0.2.7"),
        (None, ""),
        ("/run/socket", ""),
        (("no address", 5), ""),
    ],
)
def test_peers(name: Any, peer: str) -> None:
    assert peer_of(_Transport(name)) == peer


def test_addresses_are_apart_and_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    tried = Guesses(lambda: now)
    for _ in range(GUESSES):
        assert tried.wait("a") == 0
        tried.note_wrong("a")
    assert tried.wait("a") == pytest.approx(GUESS_SECONDS)
    assert tried.wait("b") == 0
    now += GUESS_SECONDS
    assert tried.wait("a") == pytest.approx(0)
    monkeypatch.setattr(guesses, "_ADDRESSES", 100)
    for number in range(300):
        tried.note_wrong(f"c{number}")
    assert len(tried._wrong) == 100
    assert "c299" in tried._wrong
