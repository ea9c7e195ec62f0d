"""Reading an expression with Python's own parser: bounded before it is parsed, one place for what faults look like."""

from __future__ import annotations

import ast
import warnings
from typing import Final

from gapscan.errors import SpecError

MAX_LENGTH: Final = 2_000
MAX_DEPTH: Final = 40
_SHOWN: Final = 40  # characters of the expression on either side of a fault

_LINE_ENDS: Final = str.maketrans("\r\n", "  ")


def one_line(text: str) -> str:
    """The expression as it is parsed and shown: an expression may be written over several lines."""
    return text.strip().translate(_LINE_ENDS)


def parse(text: str) -> ast.expr:
    """The syntax tree of `one_line(text)`. Raises SpecError with the place of the fault."""
    if len(text) > MAX_LENGTH:
        message = f"an expression of {len(text)} characters is too long"
        raise SpecError(message, column=MAX_LENGTH, remedy=f"at most {MAX_LENGTH}")
    line = one_line(text)
    if not line:
        raise SpecError("the expression is empty", column=0, remedy="write a condition, such as price > 5")
    if "#" in line:  # on one line, a comment would hide all that follows it
        raise fault(text, line.index("#"), "an expression has no comments")
    tree = _parsed(text, line)
    if _depth(tree) > MAX_DEPTH:
        raise SpecError("the expression is nested too deeply", column=0, remedy=f"at most {MAX_DEPTH} levels")
    return tree


def _parsed(text: str, line: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as an invalid escape in a text
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        # No place means that the text ends where more was expected.
        raise fault(text, error.offset - 1 if error.offset else len(line), error.msg) from None
    except (ValueError, RecursionError, MemoryError, Warning) as error:
        why = str(error) or "it is nested too deeply"
        raise SpecError(f"the expression cannot be read: {why}", column=0) from None


def _depth(tree: ast.AST) -> int:
    """How deep the tree is, found without recursion: the input may be hostile."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def fault(text: str, column: int, message: str, remedy: str = "") -> SpecError:
    """The error for a fault at a 0-based column of `one_line(text)`, with a caret under the place."""
    line = one_line(text)
    column = max(0, min(column, len(line)))
    begin = max(0, column - _SHOWN)
    shown, mark = line[begin : column + _SHOWN], " " * (column - begin) + "^"
    return SpecError(f"{message} at column {column + 1}\n    {shown}\n    {mark}", column=column, remedy=remedy)


def column_of(text: str, node: ast.expr) -> int:
    """The 0-based column of `node`: the tree counts UTF-8 bytes, the reader counts characters."""
    return len(one_line(text).encode()[: node.col_offset].decode(errors="ignore"))


def source_of(text: str, node: ast.expr) -> str:
    """The part of the expression that `node` was read from, in the user's own words."""
    part = one_line(text).encode()[node.col_offset : node.end_col_offset].decode()  # the tree counts UTF-8 bytes
    return f"({part})" if isinstance(node, ast.IfExp | ast.BoolOp | ast.Compare) else part
