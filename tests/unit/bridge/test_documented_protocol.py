"""Section 15 of docs/protocol.md and the one table of messages, errors and close codes say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from gapscan.bridge import limits
from gapscan.config import BridgeSection
from gapscan.lists.state import Copy
from gapscan.protocol import codes, past
from gapscan.protocol import websocket as ws
from gapscan.protocol.messages import Delta, Snapshot
from tests.support.answers import decode_answer

_DOCUMENT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text("utf-8")
SECTION = _DOCUMENT.partition("## 15. The WebSocket protocol\n")[2]
EXAMPLES = re.findall(r"^```jsonc\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
KINDS = [*get_args(ws.Action), *get_args(ws.Answer)]


def _decoded(text: str) -> object:
    return ws.decode_action(text) if '"action"' in text.split(",")[0] else decode_answer(text)


def _tag(kind: type) -> str:
    return str(kind.__struct_config__.tag)  # type: ignore[attr-defined]


def test_every_error_and_close_code_has_its_row() -> None:
    rows = re.findall(r"^\| (error|\d{4}) \| `(\w+)` \| (.+) \| (.+) \|$", SECTION, re.MULTILINE)
    errors = [
        ("error", e.code, e.meaning, f"closed with {e.close.code}" if e.close else "the connection goes on")
        for e in codes.ERROR_CODES
    ]
    closes = [
        (str(c.code), c.name, c.meaning, "connect again" if c.reconnect else "do not connect again")
        for c in codes.CLOSE_CODES
    ]
    assert rows == errors + closes


def test_the_tables_have_all_codes() -> None:
    named = vars(codes).values()
    assert [value for value in named if isinstance(value, codes.ErrorCode)] == list(codes.ERROR_CODES)
    assert [value for value in named if isinstance(value, codes.CloseCode)] == list(codes.CLOSE_CODES)
    numbers = [code.code for code in codes.CLOSE_CODES]
    assert numbers == sorted(set(numbers))
    assert all(4000 <= number < 5000 for number in numbers)


def test_every_limit_has_its_row() -> None:
    rows = re.findall(r"^\| .+ \| ([\d.]+) \| (?:`(\w+)`)? ?\|$", SECTION, re.MULTILINE)
    settings = msgspec.structs.asdict(limits.Limits.of(BridgeSection()))
    fixed = [
        limits.QUESTIONS, limits.PLAYS, limits.AUTH_SECONDS, limits.PING_AFTER, limits.SILENT_AFTER,
        limits.ANSWER_BYTES,
        limits.ANSWER_BYTES_PER_SECOND, limits.GUESSES, limits.GUESS_SECONDS, limits.NEWCOMERS, limits.HEADER_BYTES,
        limits.REQUESTS, limits.REQUESTS_PER_SECOND,
    ]  # fmt: skip
    assert [(float(number), setting) for number, setting in rows] == [
        *((value, name) for name, value in settings.items()),
        *((value, "") for value in fixed),
    ]


def test_no_meaning_says_a_limit() -> None:
    """A bridge may have others than the defaults, and logs these texts."""
    assert not [code for code in (*codes.ERROR_CODES, *codes.CLOSE_CODES) if re.search(r"(?<!UTF-)\d", code.meaning)]


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text[:30])
def test_examples_are_real(text: str) -> None:
    message = _decoded(text)
    known = {field.name for field in msgspec.structs.fields(message)} | {"type", "action"}  # type: ignore[arg-type]
    assert msgspec.json.decode(text).keys() <= known
    if isinstance(message, Snapshot | past.PastSnapshot):
        Copy().load(message)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_is_described(kind: type) -> None:
    assert kind in {type(_decoded(text)) for text in EXAMPLES}
    assert f"| `{_tag(kind)}` |" in SECTION
    if kind not in (Snapshot, Delta, past.PastSnapshot, past.PastDelta):  # section 3 has these
        for field in msgspec.structs.fields(kind):  # type: ignore[arg-type]
            assert f"`{field.name}`" in SECTION, field.name
