"""What keys do with a played past, and which keys a terminal sent."""

from __future__ import annotations

from typing import cast

import pytest

from gapscan.client.player import Player
from gapscan.client.tape_reader import TapeReader
from gapscan_cli.watching.past import PastShow
from gapscan_cli.watching.screen import keys_in

BEGUN = 1_795_789_860_000


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"", []),
        (b" ", [" "]),
        (b"+-l", ["+", "-", "l"]),
        (b"\x1b[C\x1b[D", ["right", "left"]),
        (b" \x1b[A\x1b[Bl", [" ", "up", "down", "l"]),
        (b"\xc3\xa9=", ["="]),
        (b"\x1b[", ["\x1b", "["]),
    ],
)
def test_the_keys_in_what_a_terminal_sent(data: bytes, keys: list[str]) -> None:
    assert list(keys_in(data)) == keys


def pressed(*keys: str) -> tuple[float, int, bool]:
    """Speed, seconds gone, and whether it is left, after these keys, faster than any is obeyed."""
    player = Player(cast(TapeReader, None), BEGUN, speed=5.0, clock=lambda: 0.0)
    show = PastShow(player, ())
    show.begin(player.speed)
    for key in keys:
        show.press(key)
    return player.speed, (player.heading - BEGUN) // 1000, show.live


def test_what_keys_do() -> None:
    assert pressed(" ") == (0.0, 0, False)
    assert pressed(" ", " ") == (5.0, 0, False)
    assert pressed("right", "right", "left", "up", "up", "down") == (5.0, 70, False)
    assert pressed("+") == (10.0, 0, False)
    assert pressed("-", "-", "-") == (1.0, 0, False)
    assert pressed(*"++++") == (60.0, 0, False)
    assert pressed(" ", "+", " ") == (10.0, 0, False), "a pause keeps the speed that is chosen meanwhile"
    assert pressed("l") == (5.0, 0, True)
    assert pressed("z") == (5.0, 0, False)
