"""Scans come in parts, and count when they are whole.

A universe with half of a scan has some symbols at one moment and the others at an earlier one. What is ranked then, for
the sake of something else that came, is of no moment at all; who should have left by it stays for as long as rows do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gapscan.protocol.messages import UniverseFrame

_HELD: Final = 4  # scans of which parts wait: what is read again comes between those of the present one

_Key = tuple[int, int, int]  # frame, market time, parts


class WholeScans:
    """Holds the parts of scans until they are whole. In any order, and twice, as they come when they are read again."""

    def __init__(self) -> None:
        self._parts: dict[_Key, dict[int, UniverseFrame]] = {}

    def add(self, part: UniverseFrame) -> Sequence[UniverseFrame]:
        """Take in a part; all parts of its scan, in order, where it was the last one that lacked."""
        key = (part.frame, part.as_of, part.parts)
        parts = self._parts.setdefault(key, {})
        parts[part.part] = part
        if len(parts) == part.parts:
            del self._parts[key]
            return [parts[number] for number in sorted(parts)]
        while len(self._parts) > _HELD:
            del self._parts[next(iter(self._parts))]
        return ()

    def has_hole(self, part: UniverseFrame) -> bool:
        """Whether this was the end of a scan of which something lacks: parts come in order."""
        return part.part == part.parts and (part.frame, part.as_of, part.parts) in self._parts
