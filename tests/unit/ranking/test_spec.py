from __future__ import annotations

import pytest
from msgspec import structs

from gapscan.errors import ConfigError, SpecError
from gapscan.market.sessions import MarketSession
from gapscan.protocol.fields import FIELDS, MAX_COLUMNS
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.spec import (
    DEFAULT_LIMIT,
    ROW_FIELDS,
    ListSet,
    check_own_lists,
    compile_list,
    parse_lists,
    shipped_lists,
)


def lists(body: str) -> ListSet:
    return parse_lists(f"[lists.cheap]\n{body}", "my.toml")


def test_a_definition() -> None:
    found = lists("""
        description = "Cheap ones."
        where = "price < 20 and change_percent > 5"
        sort = ["-change_percent", "symbol"]
        limit = 50
        sessions = ["pre", "regular"]
    """)
    (spec,) = found.specs
    assert found.names == ["cheap"]
    assert (spec.definition.description, spec.definition.limit) == ("Cheap ones.", 50)
    assert [key.text for key in spec.keys] == ["-change_percent", "symbol", "-dollar_volume"]
    assert [spec.is_open(session) for session in MarketSession] == [False, True, True, False, False]


def test_what_may_be_left_out() -> None:
    (spec,) = lists('where = "price > 1"\nsort = ["price"]').specs
    assert spec.definition.limit == DEFAULT_LIMIT
    assert [key.text for key in spec.keys] == ["price", "-dollar_volume", "symbol"]
    assert [spec.is_open(session) for session in MarketSession] == [False, True, True, True, True], "all but the night"


def test_no_lists() -> None:
    assert parse_lists("lists = {}", "my.toml").specs == ()


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (
            'where = "prise > 1"\nsort = ["price"]',
            ["list cheap, where", "prise", "column 1", "^", "did you mean price?"],
        ),
        ('where = "price > 1"\nsort = ["-volumes"]', ["list cheap, sort", "column 2", "^", "did you mean volume?"]),
        ('where = "price > 1"\nsort = []', ["list cheap", "sort is empty"]),
    ],
)
def test_wrong_expressions(body: str, parts: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        lists(body)
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ('sort = ["price"]', ["list cheap", "where"]),
        ('where = "price > 1"', ["list cheap", "sort"]),
        ('where = "price > 1"\nsort = ["price"]\nlimit = 0', ["list cheap", "$.limit"]),
        ('where = "price > 1"\nsort = ["price"]\nlimit = 1001', ["list cheap", "$.limit"]),
        ('where = "price > 1"\nsort = ["price"]\nsessions = ["noon"]', ["list cheap", "noon", "$.sessions"]),
        ('where = "price > 1"\nsort = "price"', ["list cheap", "$.sort"]),
        ('where = 5\nsort = ["price"]', ["list cheap", "$.where"]),
        ('where = "price > 1"\nsort = ["price"]\ncolour = "red"', ["list cheap", "colour"]),
        ("where = nothing", ["line 2"]),
    ],
)
def test_wrong_values(body: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        lists(body)
    assert all(part in str(caught.value) for part in ["my.toml", *parts])


COLUMNS = 'where = "price > 1"\nsort = ["price"]\ncolumns = '


def test_columns() -> None:
    (spec,) = lists(COLUMNS + '["rvol", "sector", "stale", "as_of"]').specs
    assert spec.definition.columns == ["rvol", "sector", "stale", "as_of"]
    (spec,) = lists('where = "price > 1"\nsort = ["price"]').specs
    assert spec.definition.columns == []


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ('["rvol", "chang_percent"]', ["columns: chang_percent is not a field", "did you mean change_percent?"]),
        ('["spark"]', ["columns: spark is not a field"]),
        ('["symbol"]', ["columns: symbol is not a field"]),
        ('["rvol", "open", "rvol"]', ["columns: rvol is there twice"]),
        (str([*FIELDS][: MAX_COLUMNS + 1]), ["columns has 13 fields", "at most 12"]),
        ('"rvol"', ["$.columns"]),
        ("[1]", ["$.columns"]),
    ],
)
def test_wrong_columns(columns: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        lists(COLUMNS + columns)
    assert all(part in str(caught.value) for part in ["list cheap", *parts])


def test_own_lists_say_what_is_wrong_with_their_columns() -> None:
    text = f"[lists.good]\n{COLUMNS}['rvol']\n[lists.bad]\n{COLUMNS}['rvoll']"
    good, (fault,) = check_own_lists(text, "my.toml")
    assert [(one.name, one.columns, one.own) for one in good] == [("good", ["rvol"], True)]
    assert fault.message == "my.toml: list bad, columns: rvoll is not a field"


def test_columns_of_a_later_version_do_not_keep_a_list_from_being_ranked() -> None:
    definition = ListDefinition("later", "", "price > 1", ["-price"], 10, [], columns=["made_later"])
    assert compile_list(definition).definition == definition
    with pytest.raises(SpecError, match="columns has 13 fields"):
        compile_list(structs.replace(definition, columns=["a"] * 13))


@pytest.mark.parametrize("name", ["Cheap", "2cheap", "_cheap", "cheap-ones", "a" * 49, '""'])
def test_wrong_names(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a list"):
        parse_lists(f'[lists.{name}]\nwhere = "price > 1"\nsort = ["price"]', "my.toml")


@pytest.mark.parametrize("text", ["gates = 1\nlists = {}", "lists = 1", "lists = {a = 1}", "", "gate = 1\nlists = {}"])
def test_wrong_files(text: str) -> None:
    with pytest.raises(ConfigError, match=r"my\.toml"):
        parse_lists(text, "my.toml")


def test_a_wrong_gate() -> None:
    with pytest.raises(SpecError, match=r"my\.toml, gate: prise"):
        parse_lists('gate = "prise > 1"\nlists = {}', "my.toml")


@pytest.mark.parametrize("name", sorted({*FIELDS, "symbol", "now", "test_symbol"}))
def test_every_field_of_a_row_can_be_used(name: str) -> None:
    if name in ROW_FIELDS.texts:
        assert Filter(f"{name} == 'x'", ROW_FIELDS).fields
    else:
        assert Filter(f"{name} > 1", ROW_FIELDS).fields == SortKey(f"-{name}", ROW_FIELDS).fields != frozenset()


def test_a_list_says_which_columns_it_reads() -> None:
    (spec,) = lists("""
        where = 'price > (vwap if stale else 2) and source == "bar" or not session == "pre" and symbol in ("A",)'
        sort = ["-now + as_of"]
    """).specs
    used = {"price", "vwap", "stale", "from_bar", "session", "symbol", "now", "updated", "dollar_volume"}
    assert spec.fields == used


def test_the_shipped_lists() -> None:
    found = shipped_lists()
    names = [
        "gappers_up", "gappers_down", "momentum_up", "momentum_down", "winners", "losers", "new_highs", "new_lows",
        "high_volume", "most_active", "anomalies", "reversals", "post_market", "low_float", "price_spikes", "halted",
    ]  # fmt: skip
    assert [name for name in found.names if name in names] == names
    assert all(spec.definition.description and spec.definition.limit == 200 for spec in found.specs)
