"""What somebody writes is told its faults key by key, with the place in the expression."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from gapscan.ranking.faults import Fault, definition_in

RIGHT = '[lists.mine]\nwhere = "price > 5"\nsort = ["-price"]\n'


def faults(text: str) -> list[Fault]:
    return definition_in(text)[1]


def test_a_right_list_is_its_definition() -> None:
    definition, found = definition_in(RIGHT)
    assert found == []
    assert definition is not None
    assert (definition.name, definition.where, definition.own) == ("mine", "price > 5", True)


def test_each_expression_has_its_own_faults() -> None:
    found = faults('[lists.mine]\nwhere = "prize > 5"\nsort = ["-price", "volum"]\ngate = "price >"\n')
    assert [(fault.key, fault.at, fault.column) for fault in found] == [
        ("where", None, 0), ("sort", 1, 0), ("gate", None, 7),
    ]  # fmt: skip
    assert found[0].message == "prize is not a field"
    assert found[0].remedy == "did you mean price?"


def test_other_faults_are_of_the_whole() -> None:
    assert faults("[lists.mine]\nwhere = 5")[0].key == ""
    assert "limit" in faults(f"{RIGHT}limit = 0")[0].message
    assert "sort is empty" in faults('[lists.mine]\nwhere = "price > 5"\nsort = []')[0].message
    assert "is not a field" in faults(f'{RIGHT}columns = ["prize"]')[0].message
    assert "cannot name a list" in faults(RIGHT.replace("mine", "Mine"))[0].message
    assert "it must be one" in faults("")[0].message
    assert "it must be one" in faults(RIGHT + RIGHT.replace("mine", "other"))[0].message


@given(st.text(alphabet=string.printable, max_size=40))
def test_whatever_is_written_there_is_a_list_or_a_fault(text: str) -> None:
    for definition, found in (definition_in(text), definition_in(RIGHT + f"description = {text!r}")):
        assert (definition is None) == bool(found)


@given(st.text(alphabet="price>5 and(volume)'\"*", max_size=30))
def test_a_place_is_within_the_expression(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    for fault in faults(f'[lists.mine]\nwhere = "{quoted}"\nsort = ["symbol"]'):
        assert fault.key == "where"
        assert fault.column is None or 0 <= fault.column <= len(text.strip())
