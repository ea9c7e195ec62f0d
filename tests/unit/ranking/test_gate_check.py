"""What a filter asks for in vain, since the gate keeps it out."""

from __future__ import annotations

import pytest

from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.gate_check import kept_out
from gapscan.ranking.spec import shipped_lists

GATE = shipped_lists().gate.text


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ('type == "ETF"', ["type ETF"]),
        ('type in ("CS", "ETF", "FUND") and rvol > 2', ["type ETF, FUND"]),
        ('rvol > 2 and (price > 5 or type == "ETF")', ["type ETF"]),
        ("price < 1", ["price below 1"]),
        ("1 > price", ["price below 1"]),
        ("price <= 1", ["price below 1"]),
        ("0.5 <= price <= 5", ["price below 1"]),
        ('price < 0.8 and type == "ETF"', ["price below 1", "type ETF"]),
        ("price > 0", []),
        ("price >= 1", []),
        ("price < 5 and rvol > 2", []),
        ('type != "ETF"', []),
        ('not type == "ETF"', []),
        ('type == "ADRC"', []),
        ("low < 1 and change_percent > 5 if stale else 1 > 0", []),
    ],
)
def test_what_the_default_gate_keeps_out(where: str, expected: list[str]) -> None:
    definition = ListDefinition("mine", "", where, ["symbol"], 50, [])
    assert kept_out(definition, GATE) == expected


def test_a_gate_of_its_own_counts() -> None:
    for gate in ("none", 'type == "ETF"'):
        assert not kept_out(ListDefinition("mine", "", 'type == "ETF"', ["symbol"], 50, [], gate=gate), GATE)
    mine = ListDefinition("mine", "", 'type == "CS"', ["symbol"], 50, [], gate='type == "ETF"')
    assert kept_out(mine, GATE) == ["type CS"]


def test_no_list_that_comes_with_gapscan_asks_in_vain() -> None:
    assert not [spec.name for spec in shipped_lists().specs if kept_out(spec.definition, GATE)]
