"""Scans count when they are whole: in whatever order, and how often, their parts come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gapscan.protocol.messages import UniverseFrame
from gapscan.ranker.whole_scans import WholeScans
from tests.support.market import TIMES, stock, universe_frame


def part_of(frame: int, part: int, parts: int) -> UniverseFrame:
    frame_of = universe_frame([stock(f"S{part}")], TIMES.regular + frame, part=part, parts=parts)
    return structs.replace(frame_of, frame=frame)


def as_read_again(sizes: list[int], dice: st.DataObject) -> list[UniverseFrame]:
    """Parts of scans with so many parts each, in order, some of them lost, and then all that is stored again."""
    whole = [part_of(frame, part, parts) for frame, parts in enumerate(sizes, 1) for part in range(1, parts + 1)]
    heard = [part for part in whole if dice.draw(st.booleans(), "heard")]
    return heard + whole


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4), dice=st.data())
def test_what_is_given_out_is_a_whole_scan_in_order(sizes: list[int], dice: st.DataObject) -> None:
    scans, given_out = WholeScans(), []
    for part in as_read_again(sizes, dice):
        if found := scans.add(part):
            assert [one.part for one in found] == [*range(1, part.parts + 1)]
            assert {(one.frame, one.as_of) for one in found} == {(part.frame, part.as_of)}
            given_out.append(part.frame)
    assert {*given_out} == {*range(1, len(sizes) + 1)}, "read again, no scan lacks"


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_scans_in_order_are_given_out_at_their_last_parts(sizes: list[int]) -> None:
    scans = WholeScans()
    for frame, parts in enumerate(sizes, 1):
        for number in range(1, parts + 1):
            part = part_of(frame, number, parts)
            assert bool(scans.add(part)) == (number == parts)
            assert not scans.has_hole(part)


@given(parts=st.integers(2, 6), dice=st.data())
def test_a_hole_shows_at_the_end(parts: int, dice: st.DataObject) -> None:
    scans, lost = WholeScans(), dice.draw(st.integers(1, parts - 1))
    for number in (number for number in range(1, parts + 1) if number != lost):
        part = part_of(1, number, parts)
        assert not scans.add(part)
        assert scans.has_hole(part) == (number == parts)
    assert len(scans.add(part_of(1, lost, parts))) == parts


def test_scans_that_never_become_whole_take_no_room() -> None:
    scans = WholeScans()
    for frame in range(1_000):
        assert not scans.add(part_of(frame, 1, 2))
    assert not scans.add(part_of(0, 2, 2)), "its first part is forgotten"
    assert scans.add(part_of(999, 2, 2)), "that of the newest is not"
