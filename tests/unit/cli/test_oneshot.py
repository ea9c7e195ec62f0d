"""Lists and definitions in the forms of commands that answer once."""

from __future__ import annotations

from gapscan.protocol.messages import ListDefinition
from gapscan_cli.oneshot import as_csv, as_json, as_table, definition_text
from tests.unit.cli.views import view_of


def test_top_forms() -> None:
    view = view_of({"A": 1.5, "B": None}, simulated=True, sequence=9)
    table = as_table(view, None).decode()
    assert "SIMULATED" in table.splitlines()[0]
    assert table.splitlines()[2].split()[:3] == ["1", "A", "1.50"]
    assert as_csv(view, None).decode().splitlines()[2].startswith("2,B,")
    assert b'"rank":2,"symbol":"B","price":null' in as_json(view, None)
    assert b'"B"' not in as_json(view, 1)


def test_definition_for_people() -> None:
    definition = ListDefinition(
        "winners", "Up a lot.", "change_percent > 5", ["-change_percent", "symbol"], 200, ["pre"]
    )
    assert definition_text(definition, 12).splitlines() == [
        "winners   pre   12 of at most 200 rows",
        "  Up a lot.",
        "  where change_percent > 5",
        "  sort  -change_percent, symbol",
    ]
