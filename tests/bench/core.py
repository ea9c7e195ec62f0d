"""The pure core: rank cycles, and what differences between lists cost."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import cast

from gapscan.lists.delta import Rows, apply, checksum
from gapscan.lists.difference import diff
from gapscan.protocol.messages import Row, WhyRequest
from gapscan.ranker.explainer import Explainer
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, ListSpec, compile_list, shipped_lists
from gapscan.runtime import calm_collector
from tests.bench.registry import Benchmark, Figure, Timing, median, percentile
from tests.bench.workload import RandomWalk, hundred_lists, long_lists, twelve_lists

CYCLES = 200


class Cycles:
    """Rank cycles as a ranker runs them: scan, then per list the difference to what was last published."""

    def __init__(self, lists: ListSet) -> None:
        self.walk = RandomWalk()
        self.scanner = Scanner(self.walk.universe, lists)
        self.published: dict[str, Rows] = {}
        self.changes = 0
        self.cycle()

    def cycle(self) -> None:
        for name, rows in self.scanner.scan(self.published).items():
            if changes := diff(self.published.get(name, []), rows):
                self.changes += len(changes)
                checksum(rows)
            self.published[name] = rows

    def run(self, changed: int, count: int) -> Timing:
        timing = Timing()
        for _ in range(count):
            self.walk.change(changed)
            timing.measure(self.cycle)
        return timing


def rank_cycle() -> Sequence[Figure]:
    calm_collector()
    cycles = Cycles(twelve_lists())
    cycles.run(1_000, 10)
    cycles.changes = 0
    some = cycles.run(1_000, CYCLES)
    changes = cycles.changes / CYCLES
    whole = cycles.run(11_000, CYCLES // 10)
    return [
        Figure("rank cycle: 11,000 symbols, 12 lists, 1,000 changed: median", median(some.wall), "ms", 4.0),
        Figure("rank cycle: p99", percentile(some.wall, 0.99), "ms"),
        Figure("rank cycle: CPU median", median(some.cpu), "ms"),
        Figure("rank cycle: changes found, mean", changes, "changes"),
        Figure("rank cycle with all symbols changed: median", median(whole.wall), "ms"),
        *one_bar(cycles),
        *many_lists("the 16 lists", shipped_lists()),
        *many_lists("100 own lists", hundred_lists(), 15.0),
    ]


def one_bar(cycles: Cycles) -> Sequence[Figure]:
    return [Figure("rank cycle, one symbol changed: median", median(cycles.run(1, CYCLES).wall), "ms")]


def many_lists(what: str, lists: ListSet, goal: float | None = None) -> Sequence[Figure]:
    cycles = Cycles(lists)
    cycles.run(1_000, 10)
    return [Figure(f"rank cycle, {what}, 1,000 changed: median", median(cycles.run(1_000, 100).wall), "ms", goal)]


def microseconds(step: Callable[[], object], repeat: int = 300) -> float:
    timing = Timing()
    for _ in range(repeat):
        timing.measure(step)
    return median(timing.wall) * 1000


def delta_costs() -> Sequence[Figure]:
    """Two states of a list of 200 rows: ten moved, twenty changed, two left and two came."""
    cycles = Cycles(twelve_lists())
    pool = [cast(Row, dict(row)) for rows in cycles.published.values() for row in rows]
    rows = list({row["symbol"]: row for row in pool}.values())
    old, spare = rows[:200], rows[200:202]
    new = [cast(Row, dict(row)) for row in old]
    dice = random.Random(1)
    for _ in range(10):
        new.insert(dice.randrange(200), new.pop(dice.randrange(200)))
    for at in dice.sample(range(200), 20):
        new[at]["price"] = 1.0
    new[dice.randrange(200)], new[dice.randrange(200)] = spare
    shared = [before if before == after else after for before, after in zip(old, new, strict=True)]
    changes = diff(old, shared)
    return [
        Figure("diff of two lists of 200 rows", microseconds(lambda: diff(old, shared)), "us"),
        Figure("apply to a list of 200 rows", microseconds(lambda: apply(old, changes)), "us"),
        Figure("checksum of 200 rows", microseconds(lambda: checksum(old)), "us"),
    ]


def why_costs() -> Sequence[Figure]:
    """As many own lists as there may be, with filters as long as may be: their start, their ranking, one explained."""
    calm_collector()
    definitions, start = long_lists(), Timing()
    compiled: list[ListSpec] = []
    start.measure(lambda: compiled.extend(map(compile_list, definitions)))
    lists = ListSet(shipped_lists().gate, tuple(compiled))
    cycles = Cycles(lists)
    explainer = Explainer(cycles.walk.universe, lists, lambda name: cycles.published.get(name, ()))
    spec, symbol = compiled[0], cycles.walk.symbols[0]
    outline, answers = Timing(), Timing()
    for one in compiled:
        outline.measure(lambda one=one: one.filter.outline)  # type: ignore[misc]
    for _ in range(50):
        answers.measure(lambda: explainer.answer(WhyRequest(symbol, spec.name)))
    cycles.run(1_000, 5)
    what = f"{len(compiled)} own lists with filters of {len(definitions[0].where):,} characters"
    return [
        Figure(f"{what}: compiled", start.wall[0], "ms"),
        Figure(f"{what}: rank cycle, 1,000 changed: median", median(cycles.run(1_000, 20).wall), "ms"),
        Figure("outline of one such filter: median", median(outline.wall), "ms", 5.0),
        Figure("why of one symbol in one such list: median", median(answers.wall), "ms"),
    ]


BENCHMARKS: dict[str, Benchmark] = {"rank": rank_cycle, "delta": delta_costs, "why": why_costs}
