"""What `why` shows, against the filters themselves: the lines, put together again, say what the filter says."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from gapscan.protocol.messages import Condition
from gapscan.ranking.language.explain import conditions, passing
from gapscan.ranking.language.expression import Filter
from gapscan.ranking.language.syntax import MAX_LENGTH
from gapscan.ranking.spec import ROW_FIELDS
from tests.property.test_expression import Grower, Table, random_rows


def together(found: list[Condition], which: str) -> bool:
    """Whether the lines at depth 0 hold, groups by their members alone."""

    def holds(at: int, depth: int, kind: str) -> tuple[bool, int]:
        results: list[bool] = []
        while at < len(found) and found[at].depth == depth:
            line = found[at]
            if line.kind == "test":
                result, at = bool(getattr(line, which)), at + 1
            else:
                result, at = holds(at + 1, depth + 1, line.kind)
                assert result == getattr(line, which), line
            results.append(result)
        return (all(results) if kind == "all" else any(results)), at

    result, end = holds(0, 0, "all")
    assert end == len(found)
    return result


@given(st.integers(0, 2**63), st.integers(0, 4))
def test_the_lines_say_what_the_filter_says(seed: int, depth: int) -> None:
    dice = random.Random(seed)
    text, rows = Grower(dice).test(depth), random_rows(dice)
    assume(len(text) <= MAX_LENGTH)
    parsed = Filter(text, ROW_FIELDS)
    lines = parsed.outline
    with np.errstate(all="ignore"):
        at_once = passing(lines, Table(rows), len(rows))
        entries = np.broadcast_to(parsed.entry(Table(rows)), len(rows))
        stays = np.broadcast_to(parsed.stay(Table(rows)), len(rows))
        for number, row in enumerate(rows):
            found = conditions(lines, Table([row]), row.get)
            assert together(found, "passes") == entries[number], text
            assert together(found, "stays") == stays[number], text
            assert [line.passes for line in found] == at_once[:, number].tolist()
            assert all(line.stays for line in found if line.passes)
