"""The field table holds together, and a field that is added to it is everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gapscan.market.fields import NUMBERS, TEXTS
from gapscan.protocol.fields import FIELDS, GROUPS, MAX_COLUMNS, NUMBER_FIELDS, TEXT_FIELDS, USUAL_COLUMNS, Field
from gapscan.ranking.spec import ROW_FIELDS, shipped_lists

ROOT = Path(__file__).parents[3]
_LAST = "    # fmt: on\n"
_MADE_UP = """\
    made_up: Annotated[float | None, Field(
        "Made", "Something made up.", "percent", "Change", unit="furlongs", decimals=3)]
"""

# What the copy says of the field, with no edit but that of the table.
_LOOK = """
import json, sys
from pathlib import Path
import gapscan, msgspec, numpy as np
from gapscan.bridge.assets import load_assets
from gapscan.market.universe import Universe
from gapscan.protocol import messages, schema
from gapscan.ranking.language.expression import Filter, SortKey
from gapscan.ranking.rows import RowCache
from gapscan.ranking.spec import ROW_FIELDS, parse_lists
from gapscan_cli import contract, oneshot, render

universe = Universe()
at = universe.positions(["AAA"])
universe.number("made_up")[at] = 1.23456
cache = RowCache(universe)
cache.mark_dirty(None)
cache.refresh(at)
(row,) = cache.states([at])[0]
lists = parse_lists('lists = {a = {where = "made_up > 1", sort = ["-made_up"], columns = ["made_up"]}}', "a.toml")
contract.write(None, Path(sys.argv[1]))
delta = schema.message_schema(messages.Delta)["definitions"]["Fields"]["properties"]["made_up"]
components = schema.asyncapi()["components"]["schemas"]
print()
print(json.dumps({
    "from": gapscan.__file__,
    "row": row["made_up"],
    "last": list(row)[-1],
    "typed": "made_up" in messages.Fields.__annotations__,
    "used": sorted(lists.specs[0].filter.fields | lists.specs[0].keys[0].fields),
    "columns": lists.specs[0].definition.columns,
    "page": load_assets()["rowfields.js"].body.decode(),
    "terminal": [column.title for column in render.columns_for(200, ["made_up"])],
    "cell": render.COLUMNS["made_up"].cell(row),
    "csv": oneshot._FIELDS[-1],
    "schema": delta["description"],
    "asyncapi": [name for name in ("Fields", "RankedRow") if "made_up" in components[name]["properties"]],
}))
"""


def _copy_with_a_field_more(folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gapscan", folder / "gapscan", ignore=ignored)
    shutil.copytree(ROOT / "cli", folder / "cli", ignore=ignored)
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("*.png", "*.svg"))
    table = folder / "gapscan" / "protocol" / "fields.py"
    text = table.read_text("utf-8")
    assert text.count(_LAST) == 1
    table.write_text(text.replace(_LAST, _MADE_UP + _LAST), "utf-8")


def test_a_field_that_is_added_is_everywhere(tmp_path: Path) -> None:
    _copy_with_a_field_more(tmp_path)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(tmp_path / "cli")))}
    result = subprocess.run(
        [sys.executable, "-c", _LOOK, str(tmp_path)], cwd=tmp_path, env=env, capture_output=True, timeout=100
    )
    assert result.returncode == 0, result.stderr.decode()
    found: dict[str, Any] = json.loads(result.stdout.decode().splitlines()[-1])
    page = found.pop("page")
    assert Path(found.pop("from")).is_relative_to(tmp_path)
    assert found == {
        "row": 1.235, "last": "made_up", "typed": True, "used": ["made_up"], "columns": ["made_up"],
        "terminal": ["symbol", "made", "flags", "name"], "cell": "+1.24", "csv": "made_up",
        "schema": "Something made up. Unit: furlongs.", "asyncapi": ["Fields", "RankedRow"],
    }  # fmt: skip
    fields = json.loads(page[page.index("freeze(") + 7 : page.index(");\n")])
    assert fields[-1] == {
        "name": "made_up", "title": "Made", "meaning": "Something made up.", "show": "percent", "group": "Change",
        "unit": "furlongs", "decimals": 3, "doubted_by": "", "doubt": "", "marked_by": "",
            "marked_word": "", "mark": "", "type": "number", "expressions": True,
    }  # fmt: skip
    documents = (tmp_path / "docs" / "protocol.md").read_text("utf-8")
    assert "| `made_up` | number | furlongs | 3 | Something made up. |" in documents


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_an_entry_is_whole(field: Field) -> None:
    assert field.meaning[0].isupper()
    assert field.meaning.endswith(".")
    assert field.group in GROUPS
    assert (field.decimals is None) == (field.type == "text")
    if field.type in ("integer", "boolean"):
        assert field.decimals == 0
    if field.doubted_by:
        assert FIELDS[field.doubted_by].type == "boolean"
        assert len(field.doubt) == 1
    usable = {"number": ROW_FIELDS.numbers, "integer": ROW_FIELDS.numbers, "boolean": ROW_FIELDS.flags}
    assert (field.name in usable.get(field.type, ROW_FIELDS.texts)) == field.expressions


def test_every_field_is_held_once() -> None:
    assert len({field.title for field in FIELDS.values()}) == len(FIELDS)
    columns = [field.column for field in FIELDS.values()]
    assert len(set(columns)) == len(columns)
    assert {field.column for field in NUMBER_FIELDS} <= set(NUMBERS)
    assert {field.column for field in TEXT_FIELDS} - {"session"} == set(TEXTS)
    assert len(set(NUMBERS)) == len(NUMBERS)


def test_columns_that_nobody_asked_for_exist() -> None:
    assert set(USUAL_COLUMNS) <= FIELDS.keys()
    assert len(USUAL_COLUMNS) <= MAX_COLUMNS


def test_shipped_lists_say_their_columns() -> None:
    for spec in shipped_lists().specs:
        assert 1 <= len(spec.definition.columns) <= MAX_COLUMNS, spec.name
