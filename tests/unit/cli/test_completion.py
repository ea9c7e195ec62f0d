"""Names of lists: completed, and guessed from what was meant."""

from __future__ import annotations

import pytest

from gapscan_cli.completion import complete_list, nearest, shipped_names


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("gapers_up", "gappers_up"), ("Gappers-Up", "gappers_up"), ("winner", "winners"), ("active", "most_active"),
     ("zzzz", None), ("", None)],
)  # fmt: skip
def test_nearest(typed: str, meant: str | None) -> None:
    assert nearest(typed, ["gappers_up", "gappers_down", "winners", "losers", "most_active"]) == meant


def test_completion_knows_the_shipped_lists() -> None:
    assert "gappers_up" in shipped_names()
    assert set(complete_list("gap")) == {name for name in shipped_names() if name.startswith("gap")}
