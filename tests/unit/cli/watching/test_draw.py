"""How frames look at every size."""

from __future__ import annotations

import pytest
from rich.text import Text

from gapscan.client.api import ListView
from gapscan_cli.watching.draw import draw
from gapscan_cli.watching.model import Frame, WatchModel
from gapscan_cli.watching.plain import block, signature
from tests.unit.cli.views import view_of

SIZES = [(1, 1), (20, 3), (40, 10), (80, 24), (120, 30), (200, 50), (300, 5)]
MANY = {f"S{number}": float(number) for number in range(1, 61)}


def frame_of(*views: ListView, now: float = 100.0, link: bool = True) -> Frame:
    model = WatchModel("gappers_up")
    for view in views:
        model.take(view, 100.0)
    model.link(link)
    return model.frame(now)


def text_of(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("simulated", [True, False])
def test_fits_the_terminal(width: int, height: int, simulated: bool) -> None:
    lines = draw(frame_of(view_of(MANY, simulated=simulated)), width, height)
    assert len(lines) == max(min(height, 3), height)
    assert all(line.cell_len <= width for line in lines)
    assert all("\n" not in line.plain for line in lines)


def test_rows_fill_the_height() -> None:
    frame = frame_of(view_of(MANY))
    assert "S21" in text_of(draw(frame, 80, 24))
    assert "S22" not in text_of(draw(frame, 80, 24))
    assert "S47" in text_of(draw(frame, 200, 50))


def test_top_limits_the_rows() -> None:
    text = text_of(draw(frame_of(view_of(MANY)), 80, 24, top=5))
    assert "S5" in text
    assert "S6" not in text
    assert "5/60 rows" in text


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_simulated_is_always_seen(width: int) -> None:
    stale = view_of(MANY, simulated=True, state="stale")
    assert "SIMULATED" in draw(frame_of(stale), width, 10)[0].plain
    assert "SIMULATED" not in text_of(draw(frame_of(view_of(MANY)), width, 10))


def test_live_says_so() -> None:
    text = text_of(draw(frame_of(view_of(MANY, sequence=917), now=100.4), 100, 24))
    for said in (
        "gappers_up",
        "LIVE",
        "Sun 2026-11-22 09:30:00 ET",
        "✓ verified",
        "seq 917",
        "epoch abc123",
        "age 0.4 s",
    ):
        assert said in text
    assert "resyncs 0  holes 0" in text


def test_stale_never_looks_live() -> None:
    lines = draw(frame_of(view_of(MANY), view_of(MANY, state="stale"), now=107.0), 100, 24)
    text = text_of(lines)
    assert "STALE" in text
    assert "7.0 s old" in text
    assert "LIVE" not in text
    assert "verified" not in text
    assert any("dim" in str(span.style) for span in lines[2].spans)


def test_lost_link_says_why() -> None:
    assert "NATS is away" in text_of(draw(frame_of(view_of(MANY), link=False), 100, 24))


def test_moves_are_shown() -> None:
    before = view_of({"A": 1.0, "B": 2.0, "C": 3.0, "D": 4.0})
    after = view_of({"D": 4.5, "N": 1.0, "A": 1.0, "C": 3.0}, sequence=2)
    lines = draw(frame_of(before, after), 80, 24)
    assert "▲3" in lines[2].plain
    assert "new" in lines[3].plain
    assert any("black on green" in str(span.style) for span in lines[2].spans)


def test_hostile_names_stay_text() -> None:
    view = view_of({"A": 1.0})
    view.rows[0]["name"] = "[red]x[/red]\x1b[2J"
    assert "[red]x[/red]?[2J" in text_of(draw(frame_of(view), 120, 10))


def test_empty_list() -> None:
    text = text_of(draw(frame_of(view_of({})), 80, 10))
    assert "0/0 rows" in text


def test_plain_block() -> None:
    lines = block(frame_of(view_of(MANY, simulated=True)), None).split("\n")
    assert "SIMULATED" in lines[0]
    assert "live" in lines[0]
    assert len(lines) == 1 + 1 + 10 + 1
    assert len(block(frame_of(view_of(MANY)), 3).split("\n")) == 1 + 1 + 3 + 1


def test_plain_prints_again_only_after_a_change() -> None:
    one, later = frame_of(view_of(MANY)), frame_of(view_of(MANY), now=130.0)
    assert signature(one) == signature(later)
    assert signature(one) != signature(frame_of(view_of(MANY, sequence=2)))
    assert signature(one) != signature(frame_of(view_of(MANY), link=False))
