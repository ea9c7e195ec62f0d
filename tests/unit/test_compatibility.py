"""docs/compatibility.md claims nothing that no test or finding holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "compatibility.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| what"))
]
HELD_BY = re.compile(r"`((?:tests|findings)/[\w/.-]+)`")


def test_there_are_rows() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_what_with_which_version_and_what_holds_it(row: list[str]) -> None:
    what, versions, behaviour, held_by = row
    assert what
    assert behaviour
    assert re.search(r"\d", versions) or versions == "simulated"
    places = HELD_BY.findall(held_by)
    assert places
    for place in places:
        path = ROOT / place
        assert path.is_file(), place
        assert path.suffix == (".py" if place.startswith("tests/") else ".sh")
        assert path.suffix == ".sh" or re.search(r"def test_", path.read_text("utf-8")), place
