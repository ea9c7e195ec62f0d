"""The documentation says what is: every name is mentioned, every example is real, every command exists."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import tomllib
import typing
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.lists.state import Copy, Fit
from gapscan.market.calendar import last_trading_day
from gapscan.market.sessions import MarketSession, epoch_ms, session_at
from gapscan.protocol import messages as m
from gapscan.protocol import names, schema
from gapscan.protocol.codec import decode, decode_as
from gapscan.protocol.tape import NO_HASH, linked_hash
from gapscan.supervisor.catalog import SERVICES
from gapscan_cli.app import app
from gapscan_cli.documents import documents

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)^```$", PROTOCOL, re.MULTILINE | re.DOTALL)
MENTIONED = set(re.findall(r"`([^`\n]+)`", PROTOCOL)) | set(re.findall(r'"(\w+)":', PROTOCOL))

_DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_SUNDAY, _DAY = dt.date(2026, 11, 22), dt.timedelta(days=1)
# Code, not prose: spans in backticks, fenced blocks, indented lines.
_SPAN = re.compile(r"`([^`\n]+)`")
_FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {2,}|\t)(.+)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[$|&;(:]\s+)gapscan((?:[ ][\w./:=*-]+)+)", re.MULTILINE)


def _structs(kind: Any) -> Iterator[type]:
    """The struct and TypedDict types that `kind` is made of, itself included."""
    if isinstance(kind, type) and (issubclass(kind, msgspec.Struct) or typing.is_typeddict(kind)):
        yield kind
        for part in typing.get_type_hints(kind).values():
            yield from _structs(part)
    for argument in typing.get_args(kind):
        yield from _structs(argument)


def _field_names() -> set[str]:
    return {name for kind in _structs(m.Message) for name in typing.get_type_hints(kind) if not name.startswith("__")}


def _tags() -> set[str]:
    kinds = (kind for kind in _structs(m.Message) if issubclass(kind, msgspec.Struct))
    return {str(kind.__struct_config__.tag) for kind in kinds if kind.__struct_config__.tag is not None}


def _names() -> set[str]:
    """Subjects, streams, buckets and headers, in the form in which the document has them."""
    constants = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    made = {
        make("<list>")
        for make in (names.DEFAULT.live_subject, names.DEFAULT.heartbeat_subject, names.DEFAULT.delta_subject)
    }
    made |= {
        names.DEFAULT.list_stream("<list>"),
        names.direct_get_subject("<stream>"),
        names.DEFAULT.status_subject("<service>"),
    }
    return (constants - {names.DEFAULT.prefix, names.DEFAULT.stream_list_prefix}) | made


@pytest.mark.parametrize("name", sorted(_field_names() | _tags() | _names()))
def test_protocol_mentions(name: str) -> None:
    assert name in MENTIONED, f"docs/protocol.md does not mention {name}"


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text[:40])
def test_examples_decode(text: str) -> None:
    message = decode(text.encode())
    known = {field.name for field in msgspec.structs.fields(message)} | {"type"}
    assert msgspec.json.decode(text.encode()).keys() <= known, "the codec would ignore the others"


def test_the_parts_that_are_made_are_current() -> None:
    parts = dict(documents(ROOT))
    assert {path.name for path in parts} == {"README.md", "protocol.md", "lists.md"}
    for path, text in parts.items():
        assert path.read_text("utf-8") == text, f"{path.name} is old: run `gapscan schema --docs .`"


def test_every_message_has_an_example() -> None:
    assert {type(decode(text.encode())) for text in EXAMPLES} == set(schema.message_types())


def test_worked_example_is_right() -> None:
    snapshot = next(found for text in EXAMPLES if isinstance(found := decode(text.encode()), m.Snapshot))
    first, second, folded = [decode_as(m.Delta, text.encode()) for text in EXAMPLES if '"type":"delta"' in text]
    copy = Copy()
    copy.load(snapshot)
    before = copy.rows
    assert copy.apply(first, 917) is Fit.APPLIED
    assert [row["symbol"] for row in copy.rows] == ["TSLA", "AAPL", "GME", "MSFT", "AMD"]
    assert copy.apply(second, 918) is Fit.APPLIED
    assert diff(before, copy.rows) == folded.changes
    assert (folded.prev, folded.sequence, folded.checksum) == (916, 918, checksum(copy.rows))


def test_worked_checksum_is_right() -> None:
    text = bytes.fromhex(re.findall(r"^    ((?:[0-9a-f]{2} ?)+)$", PROTOCOL, re.MULTILINE)[0])
    assert text.decode().split("\n") == ["TSLA", "AAPL", "GME", "MSFT", "AMD"]
    assert f"{zlib.crc32(text)}" in PROTOCOL
    assert f"0x{zlib.crc32(text):08x}" in PROTOCOL
    assert f"these {len(text)} bytes" in PROTOCOL


def test_worked_hash_is_right() -> None:
    section = PROTOCOL.partition("## 19.")[2]
    (payload,) = re.findall(r"^    (\{.+\})$", section, re.MULTILINE)
    found = re.search(r"as number (\d+) on `([^`]+)` the hash is\s+`([0-9a-f]{64})`", section)
    assert found is not None
    number, subject, digest = found.groups()
    assert isinstance(decode(payload.encode()), m.Snapshot)
    text = "\n".join(("0" * 64, number, subject, payload))
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    assert linked_hash(NO_HASH, int(number), subject, payload.encode()) == digest


def test_links_lead_somewhere() -> None:
    for path in _DOCUMENTS:
        text = path.read_text("utf-8")
        anchors = {_anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("#"):
                assert target[1:] in anchors, f"{path.name}: {target}"
            elif "://" not in target:
                assert (path.parent / target.split("#")[0]).exists(), f"{path.name}: {target}"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _commands() -> dict[tuple[str, ...], Any]:
    """Every command by its words, groups included."""
    found: dict[tuple[str, ...], Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        found[words] = command
        for name, child in getattr(command, "commands", {}).items():
            walk(child, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


COMMANDS = _commands()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_have_help(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    assert command.help
    if words and not hasattr(command, "commands"):
        assert "Example" in command.help
        assert f"gapscan {' '.join(words)}" in command.help, "the example is of another command"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{parameter.name} has no help"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_exists(words: tuple[str, ...]) -> None:
    _check_commands(COMMANDS[words].help)


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: path.name)
def test_documents_say_what_exists(path: Path) -> None:
    _check_commands(path.read_text("utf-8"))


def _check_commands(text: str) -> None:
    """Every `gapscan ...` in the text is a command, with options that it has."""
    code = "\n".join(found for pattern in (_SPAN, _FENCED, _INDENTED) for found in pattern.findall(text))
    for match in _COMMAND.finditer(code):
        words = match[1].split()
        path: tuple[str, ...] = ()
        while words and (*path, words[0]) in COMMANDS:
            path = (*path, words.pop(0))
        assert path or words[0].startswith("-") or words[0].isupper(), f"there is no {match[0].strip()!r}"
        known = {option for parameter in COMMANDS[path].params for option in parameter.opts} | {"--help"}
        used = {word.split("=")[0].rstrip(".,:;") for word in words if word.startswith("--")}
        assert used <= known, f"{match[0].strip()!r} has unknown options"
        if path == ("run",) and words and not words[0].isupper():
            assert words[0] in SERVICES, match[0]


def test_lists_in_documents_exist() -> None:
    lists = tomllib.loads((ROOT / "gapscan" / "ranking" / "lists.toml").read_text("utf-8"))["lists"]
    for path in _DOCUMENTS:
        for name in re.findall(r"gapscan (?:watch|top|tail) ([a-z]\w*)", path.read_text("utf-8")):
            assert name in lists, f"{path.name}: {name}"


def test_nights_in_documents_are_nights_on_any_day() -> None:
    """Without --day it is the last trading day: on a Friday no night follows."""
    commands = [
        text for path in _DOCUMENTS for text in re.findall(r"gapscan up [^`\n]*--night[^`\n]*", path.read_text("utf-8"))
    ]
    assert commands
    for command in commands:
        given = dict(re.findall(r"--(day|start) (\S+)", command))
        for age in range(7):
            day = dt.date.fromisoformat(given["day"]) if "day" in given else last_trading_day(_SUNDAY - age * _DAY)
            start = epoch_ms(day, dt.time.fromisoformat(given["start"]))
            assert session_at(start) is MarketSession.NIGHT, f"{command}, on {day}"


@pytest.mark.parametrize(
    "text",
    [
        "`gapscan wach x`",
        "    gapscan watch x --tip 3",
        "```sh\n$ gapscan run nothing\n```",
        "a | `gapscan --help; gapscan x`",
    ],
)
def test_wrong_commands_are_found(text: str) -> None:
    with pytest.raises(AssertionError):
        _check_commands(text)
