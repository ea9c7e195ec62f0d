"""A symbol's stays in today's lists: what the tape told of, held against what the list's newest versions saw."""

from __future__ import annotations

from gapscan.bridge.day_moves import has_left
from gapscan.bridge.history import ListHistory, Position
from gapscan.client.stays import Stay
from gapscan.protocol.messages import Row


def _history(*versions: tuple[int, str]) -> ListHistory:
    """A list at market times, with these symbols."""
    history = ListHistory("movers")
    for number, (as_of, symbols) in enumerate(versions, 1):
        history.put(Position("e", number), as_of, [Row(symbol=symbol) for symbol in symbols], float(number))
    return history


def _left(entered: int, *versions: tuple[int, str]) -> bool:
    return has_left(_history(*versions), Stay("movers", "B", entered=entered))


def test_a_version_of_several_deltas_saw_a_symbol_come_later_than_it_did() -> None:
    assert not _left(200, (100, "A"), (300, "AB"))
    assert not _left(300, (100, "A"), (300, "AB"))


def test_who_went_and_came_anew_has_left() -> None:
    seen = (100, "A"), (300, "AB"), (400, "A")
    assert _left(200, *seen)
    assert _left(200, *seen, (500, "AB"))
    assert not _left(450, *seen, (500, "AB")), "the tape told of the second time already"


def test_what_the_versions_do_not_reach_back_to_is_the_tapes() -> None:
    assert not _left(50, (100, "AB"), (200, "BA"))
    assert not _left(500, (100, "A"), (200, "A")), "the tape is ahead"
