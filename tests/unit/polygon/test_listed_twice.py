"""Of two listings of one ticker, the active one counts, then the one that tells more."""

from __future__ import annotations

import pytest

from gapscan.polygon.bodies import ListedTicker

WHOLE = ListedTicker("A", "Agilent", "CS", "XNYS", active=True)


@pytest.mark.parametrize(
    "lighter",
    [
        ListedTicker("A"),
        ListedTicker("A", "Agilent", None, "XNYS", active=True),
        ListedTicker("A", "Agilent", "CS", None),
        ListedTicker("A", "Agilent", "CS", "XNYS", active=False),
        ListedTicker("A", "Agilent", "CS", "XNYS", delisted_utc="2020-01-01T00:00:00Z"),
    ],
)
def test_the_heavier(lighter: ListedTicker) -> None:
    assert WHOLE.weight > lighter.weight


def test_a_type_weighs_more_than_an_exchange() -> None:
    assert ListedTicker("A", "Agilent", "CS").weight > ListedTicker("A", "Agilent", None, "XNYS").weight
