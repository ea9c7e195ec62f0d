"""What a list would have is what the scanner ranks once it is there."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec import structs

from gapscan.errors import ProtocolError
from gapscan.lists.delta import symbols_of
from gapscan.protocol.messages import ListDefinition, Preview, PreviewRequest
from gapscan.ranker.previews import Previewer
from gapscan.ranking.scanner import Scanner
from gapscan.ranking.spec import ListSet, compile_list, parse_lists, shipped_lists
from tests.support.market import stock, universe_of

NO_LISTS = parse_lists("gate = 'price >= 1'\nlists = {}", "test")


def market(dice: random.Random, size: int) -> Any:
    """Made-up stocks; some are below the gate, some are equal in what they are sorted by."""
    return universe_of(
        stock(
            f"S{number}",
            price=dice.choice([0.5, 2.0, 99.0, 103.0, 111.0, round(dice.uniform(90, 120), 2)]),
            prev_close=100.0,
            volume=float(dice.choice([900, 60_000, 5_000_000])),
        )
        for number in range(size)
    )


def preview_of(universe: Any, definition: ListDefinition, limit: int = 100) -> Preview:
    return Previewer(universe, lambda: NO_LISTS).answer(PreviewRequest(definition, limit))


@pytest.mark.parametrize("seed", range(3))
def test_it_has_whom_the_scanner_ranks(seed: int) -> None:
    universe = market(random.Random(seed), 60)
    own = ListDefinition("mine", "", "change_percent > 0 or volume > 1e6", ["-volume", "price"], 15, [], gate="none")
    whole = ListDefinition("all", "", 'session in ("pre", "regular", "post", "closed", "night")', ["symbol"], 7, [])
    shipped = [spec.definition for spec in shipped_lists().specs]
    found = 0
    for definition in [own, whole, *(structs.replace(each, settle=0.0) for each in shipped)]:
        lists = ListSet(NO_LISTS.gate, (compile_list(definition),))
        ranked = symbols_of(Scanner(universe, lists).scan({}, also=[definition.name])[definition.name])
        preview = preview_of(universe, definition)
        assert preview.symbols == ranked[:100], definition.name
        assert preview.size == len(ranked)
        found += len(ranked)
    assert found > 20


def test_what_the_gate_keeps_out_is_said() -> None:
    stocks = [stock("DEAR", price=5.0, volume=9.0), stock("CHEAP", price=0.5, volume=9.0), stock("NONE", volume=1.0)]
    definition = ListDefinition("mine", "", "volume > 5", ["symbol"], 1, [])
    preview = preview_of(universe_of(stocks), definition)
    assert (preview.passing, preview.without_gate, preview.symbols) == (1, 2, ["DEAR"])
    free = preview_of(universe_of(stocks), structs.replace(definition, gate="none"))
    assert (free.passing, free.without_gate, free.size, free.symbols) == (2, 2, 1, ["CHEAP"])


def test_before_any_scan_nobody_is_in_it() -> None:
    preview = preview_of(universe_of([]), ListDefinition("mine", "", "price > 5", ["symbol"], 1, []))
    assert (preview.passing, preview.symbols) == (0, [])


def test_a_wrong_definition_is_refused() -> None:
    with pytest.raises(ProtocolError, match="prize is not a field"):
        preview_of(market(random.Random(1), 3), ListDefinition("mine", "", "prize > 5", ["symbol"], 1, []))
