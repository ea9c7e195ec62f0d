"""Expressions of the ranking language: right ones, damaged ones, and what is none; by the compiler and by the plain
ranker. Nothing but SpecError may come of compiling one, and both must say the same of what compiles."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gapscan.errors import SpecError
from gapscan.ranking.language.explain import conditions
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.language.syntax import MAX_LENGTH, parse
from gapscan.ranking.plain import holds, value
from gapscan.ranking.spec import ROW_FIELDS
from tests.fuzz.findings import Bounds, Report
from tests.property.test_expression import HOSTILE, PIECES, Grower, Table, random_rows

_NOISE = "".join(map(chr, range(128))) + "éΩ\u2028\ufeff😀\ud800１"
_TABLES = 50  # of rows, that expressions are run on


def any_text(dice: random.Random) -> str:
    """Something that may be an expression."""
    kind = dice.random()
    if kind < 0.45:
        return Grower(dice).test(dice.randint(0, 4)) if dice.random() < 0.7 else Grower(dice).number(dice.randint(0, 4))
    if kind < 0.75:
        return _damaged(dice, Grower(dice).test(dice.randint(0, 4)))
    if kind < 0.9:
        return dice.choice(["", " "]).join(dice.choices(PIECES, k=dice.randint(0, 14)))
    if kind < 0.95:
        return _damaged(dice, dice.choice(HOSTILE)[: MAX_LENGTH + 10])
    return "".join(dice.choices(_NOISE, k=dice.randint(0, 40)))


def _damaged(dice: random.Random, text: str) -> str:
    for _ in range(dice.randint(1, 3)):
        begin, end = sorted(dice.randint(0, len(text)) for _ in range(2))
        part = dice.choice([dice.choice(PIECES), dice.choice(_NOISE), text[begin:end], ""])
        at = begin if dice.random() < 0.6 else min(end, begin + 2)
        text = (text[:begin] + part + text[at:])[: MAX_LENGTH + 10]
    return text


def fuzz(bounds: Bounds, seed: int) -> Report:
    """Try so many expressions; each as a filter or as a sort key."""
    dice, report = random.Random(seed), Report("expressions")
    tables = [random_rows(dice) for _ in range(_TABLES)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        while bounds.left(report.tried):
            report.tried += 1
            text, rows = any_text(dice), dice.choice(tables)
            check = check_filter if dice.random() < 0.7 else check_key
            try:
                report.count(check(text, rows))
            except SpecError as fault:
                _check_fault(report, fault, text)
            except AssertionError as error:
                report.found(str(error).split("\n")[0][:100], text)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
                report.raised(error, text)
    return report


def _check_fault(report: Report, fault: SpecError, text: str) -> None:
    report.count("refused")
    if not fault.message or fault.column is None or not 0 <= fault.column <= len(text):
        report.found(f"a fault without a place: {fault.message[:60]}", text)


def check_filter(text: str, rows: Sequence[dict[str, Any]]) -> str:
    """The filter lets in and keeps the rows that the plain ranker does, and its conditions can be shown."""
    compiled, tree = Filter(text, ROW_FIELDS), parse(text)
    for relaxed, test in ((False, compiled.entry), (True, compiled.stay)):
        mine = _run(test, rows)
        assert mine == [holds(tree, row, relaxed=relaxed) for row in rows], f"filter, relaxed={relaxed}: another result"
    row = rows[0]
    shown = conditions(compiled.outline, Table([row]), lambda name: row.get(name))
    passes = all(line.passes for line in shown if line.depth == 0)
    assert passes == holds(tree, row), "the conditions of `why` say something else than the filter"
    return "filters run"


def check_key(text: str, rows: Sequence[dict[str, Any]]) -> str:
    """The sort key is what the plain ranker says it is, row by row."""
    key = SortKey(text, ROW_FIELDS)
    if key.value is None:
        return "keys run"
    tree = parse(text)
    mine = [None if math.isnan(number) else number for number in _run(key.value, rows)]
    assert mine == [value(tree, row) for row in rows], "sort key: another value"
    return "keys run"


def _run(test: Callable[[Any], Any], rows: Sequence[dict[str, Any]]) -> list[Any]:
    found: list[Any] = np.broadcast_to(test(Table(list(rows))), len(rows)).tolist()
    return found
