"""A list that is replaced in a file says what the new one says, where the old one stood, and keeps its comments."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gapscan.service import own_lists_file

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(lambda text: f"{text}#")
_VALUES = st.one_of(_TEXTS, st.integers(0, 99), st.booleans(), st.lists(_TEXTS, max_size=3))
_TABLES = st.dictionaries(st.sampled_from(["where", "sort", "limit", "gate", "near"]), _VALUES, min_size=1)


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _noted(name: str, table: dict[str, Any]) -> str:
    lines = [
        f"# before {key} of {name}\n{key} = {_toml(value)}  # beside {key} of {name}" for key, value in table.items()
    ]
    return f"[lists.{name}]\n" + "\n".join(lines) + "\n"


@settings(max_examples=40)
@given(st.lists(_TABLES, min_size=2, max_size=3), st.data())
def test_a_replaced_list_keeps_its_place_and_comments(tables: list[dict[str, Any]], data: st.DataObject) -> None:
    mine = dict(zip("abc", tables, strict=False))
    name, new = data.draw(st.sampled_from(sorted(mine))), data.draw(_TABLES)
    text = "\n".join(_noted(*each) for each in mine.items())
    addition = f"[lists.{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in new.items())
    result = own_lists_file.merged(text, addition, replace=True)
    assert own_lists_file.tables_of(result) == {**mine, name: new}
    assert list(own_lists_file.tables_of(result)) == list(mine)
    for other, table in mine.items():
        for key in table:
            assert f"# before {key} of {other}\n" in result
            assert (f"  # beside {key} of {other}\n" in result) == (other != name or key in new)
