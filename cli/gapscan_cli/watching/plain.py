"""A list as text blocks, for pipes and logs."""

from __future__ import annotations

from typing import Final

from gapscan_cli.render import columns_for, moment, plain_line
from gapscan_cli.watching.model import Frame

DEFAULT_ROWS: Final = 10
_COLUMNS: Final = 80


def block(frame: Frame, rows: int | None) -> str:
    """A heading that says what the rows are, the rows, and an empty line."""
    columns = columns_for(_COLUMNS, frame.columns)
    lines = [_heading(frame), plain_line("#", None, columns)]
    lines += [plain_line(shown.rank, shown.row, columns) for shown in frame.rows[: rows or DEFAULT_ROWS]]
    return "\n".join([*lines, ""])


def _heading(frame: Frame) -> str:
    parts = [frame.name, frame.state, frame.reason, frame.session, moment(frame.as_of)]
    parts += [f"{len(frame.rows)} rows", f"epoch {frame.epoch}", f"sequence {frame.sequence}"]
    parts += ["SIMULATED" if frame.simulated else ""]
    return "   ".join(part for part in parts if part)


def signature(frame: Frame) -> tuple[object, ...]:
    """What must differ for a new block to be worth printing."""
    return frame.state, frame.reason, frame.epoch, frame.sequence
