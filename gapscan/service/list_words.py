"""A list of a file that is changed: what stays keeps its words, and the comments beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

_MAX_LINES: Final = 200  # of one value; each line more is another attempt to read it
_MAX_LINE: Final = 5_000  # characters of a line in which a comment is looked for


@dataclass(frozen=True, slots=True)
class _Piece:
    """One value as it is written; or, without a key, a comment or an empty line."""

    text: str
    key: str | None = None
    value: Any = None

    @property
    def remark(self) -> str:
        """The comment behind a value in its line, with the blanks before it."""
        line = self.text.rstrip("\r\n")
        if "\n" in line or len(line) > _MAX_LINE:
            return ""
        ends = (at for at, letter in enumerate(line) if letter == "#")
        end = next((at for at in ends if _read(line[:at]) == {self.key: self.value}), len(line))
        return line[len(line[:end].rstrip()) :]


def reworded(old: str, new: str) -> str:
    """The block `new` of a list, with the words of the block `old` where both say the same, and its comments.

    A new block with comments within it is taken as it is. Comments before it stand for those before the old one.
    Raises ValueError when one of the two cannot be taken apart; the caller has to check what the result says.
    """
    before, header, body = _split(old)
    its_before, its_header, its_body = _split(new)
    pieces, wanted = list(_pieces(body)), list(_pieces(its_body))
    if "#" in its_header or any("#" in piece.text if piece.key is None else piece.remark for piece in wanted):
        return new
    return (
        (its_before or before)
        + _line(header)
        + "".join(_merged(pieces, {piece.key: piece for piece in wanted if piece.key}))
    )


def _merged(pieces: Sequence[_Piece], wanted: dict[str, _Piece]) -> Iterator[str]:
    """What the list says: values that came stand behind the last one that was there, before the comments at the end."""
    there = {piece.key for piece in pieces}
    last = max((at for at, piece in enumerate(pieces) if piece.key), default=-1)
    came = [_line(piece.text) for key, piece in wanted.items() if key not in there]
    if last < 0:
        yield from came
    for at, piece in enumerate(pieces):
        if piece.key is None:
            yield _line(piece.text)
        elif piece.key in wanted:
            yield _line(_rewritten(piece, wanted[piece.key]))
        if at == last:
            yield from came


def _rewritten(old: _Piece, new: _Piece) -> str:
    return old.text if old.value == new.value else new.text.rstrip("\r\n") + old.remark


def _line(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _split(block: str) -> tuple[str, str, str]:
    """What stands before the header of a block, the header, and what stands below."""
    lines = block.splitlines(keepends=True)
    at = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), None)
    if at is None:
        raise ValueError("a block without a header")
    return "".join(lines[:at]), lines[at], "".join(lines[at + 1 :])


def _pieces(body: str) -> Iterator[_Piece]:
    lines = body.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            piece, count = _Piece(lines[at]), 1
        else:
            piece, count = _first(lines[at : at + _MAX_LINES])
        yield piece
        at += count


def _first(lines: Sequence[str]) -> tuple[_Piece, int]:
    """The value that the lines begin with, and how many of them it has."""
    for count in range(1, len(lines) + 1):
        text = "".join(lines[:count])
        if (said := _read(text)) is not None and len(said) == 1:
            [(key, value)] = said.items()
            return _Piece(text, key, value), count
    raise ValueError("a value that does not end")


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
