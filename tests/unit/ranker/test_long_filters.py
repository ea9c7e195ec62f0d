"""As many own lists as there may be, with filters as long as may be: what is done for them, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gapscan.lists.delta import Rows
from gapscan.protocol.messages import WhyRequest
from gapscan.ranker.explainer import Explainer
from gapscan.ranking.language import compiler, expression
from gapscan.ranking.language.compiler import Part
from gapscan.ranking.language.syntax import MAX_LENGTH
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import MAX_OWN, ListSet, compile_list, shipped_lists
from tests.bench.workload import long_lists
from tests.support.market import stock, universe_of


class Work:
    """How often something was done."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.done = dict.fromkeys(("parsed", "compared", "outlined"), 0)
        for module, name, counted in (
            (expression, "parse", "parsed"),
            (compiler, "compared", "compared"),
            (expression, "outline", "outlined"),
        ):
            patch.setattr(module, name, self._counting(getattr(module, name), counted))

    def _counting(self, function: Callable[..., Any], counted: str) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            self.done[counted] += 1
            return function(*args, **kwargs)

        return run


def leaves(part: Part) -> Iterator[Part]:
    if part.kind == "test":
        yield part
    for member in part.members:
        yield from leaves(member)


def test_each_filter_is_compiled_once_and_explained_by_what_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, definitions = shipped_lists().gate, long_lists()
    work = Work(monkeypatch)
    assert len(definitions) == MAX_OWN
    assert all(MAX_LENGTH - 50 <= len(definition.where) <= MAX_LENGTH for definition in definitions)
    specs = tuple(compile_list(definition) for definition in definitions)
    assert work.done["parsed"] == MAX_OWN * 3 - sum(spec.keys[0].text == "-dollar_volume" for spec in specs)
    comparisons = sum(len(part.values) == 2 for spec in specs for part in leaves(spec.filter.root))
    assert work.done["compared"] == 2 * comparisons  # as a newcomer must pass it, and as a row must
    compiled = dict(work.done)

    universe = universe_of([stock(symbol, price=price, prev_close=10.0) for symbol, price in (("A", 9.0), ("B", 8.0))])
    lists = ListSet(gate, specs)
    scanner, published = Scanner(universe, lists), dict[str, Rows]()
    explainer = Explainer(universe, lists, lambda name: published.get(name, ()))
    for _ in range(3):
        published |= scanner.scan(published)
        explainer.observe()
    assert work.done["outlined"] == 0, "nobody asked"
    for _ in range(3):
        assert len(explainer.answer(WhyRequest("A", specs[0].name)).lists) == 1
    assert work.done["outlined"] == 2, "the gate and the list"
    for _ in range(3):
        assert len(explainer.answer(WhyRequest("B", None)).lists) == MAX_OWN
    explainer.set_lists(ListSet(gate, specs[1:]))
    explainer.answer(WhyRequest("A", None))
    assert work.done == compiled | {"outlined": 1 + MAX_OWN}


def test_the_lines_run_what_the_filter_runs() -> None:
    spec = compile_list(long_lists()[0])
    lines = [line for line in spec.filter.outline if line.kind == "test"]
    parts = list(leaves(spec.filter.root))
    assert [(line.entry, line.stay) for line in lines] == [(part.entry, part.stay) for part in parts]
