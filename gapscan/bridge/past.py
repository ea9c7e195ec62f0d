"""What clients ask of the past: a list at a time, or a day of it at a glance, read from the tape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import UNSET

from gapscan.client.past import Moment, PastView, market_ms
from gapscan.client.tape_reader import TapeReader
from gapscan.client.timeline import read_timeline
from gapscan.client.told_days import ToldDays
from gapscan.errors import ConfigError, GapscanError, NotRecordedError, UnknownListError
from gapscan.lists.delta import checksum
from gapscan.lists.state import ranked
from gapscan.lists.wish import Wish
from gapscan.protocol.codes import BAD_MESSAGE, NOT_RECORDED, UNAVAILABLE, ErrorCode
from gapscan.protocol.past import AskAt, AskTimeline, Past, PastGap, Timeline
from gapscan.protocol.tape import Gap
from gapscan.protocol.websocket import RefusedError

OpenTape = Callable[[str], Awaitable[TapeReader]]

MOST_MOVES: Final = 5000  # in one answer
_CODES: Final[dict[type[GapscanError], ErrorCode]] = {
    ConfigError: BAD_MESSAGE,
    NotRecordedError: NOT_RECORDED,
    UnknownListError: NOT_RECORDED,
}


def refusal(error: GapscanError, name: str) -> RefusedError:
    """What a client is told of a past that cannot be read."""
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), UNAVAILABLE)
    text = f"{error.message}: {error.remedy}" if code is BAD_MESSAGE and error.remedy else error.message
    return RefusedError(code, text, name)


class PastLists:
    """The lists' past. `open_tape` raises UnknownListError when nothing is recorded of a list, BusError."""

    def __init__(self, open_tape: OpenTape) -> None:
        self.open_tape = open_tape
        self.days = ToldDays()

    async def view(self, name: str, moment: Moment) -> PastView:
        """A list as it was. Raises ConfigError, UnknownListError, NotRecordedError, BusError, ProtocolError."""
        reader = await self.open_tape(name)
        return await reader.at(await market_ms(reader, moment))

    async def answer(self, question: AskAt | AskTimeline) -> Past | Timeline:
        """What is asked for. Raises as `view`."""
        if isinstance(question, AskTimeline):
            return await self._timeline(question)
        view = await self.view(question.list, question.time)
        rows = Wish.of(question.limit, question.fields).rows(view.rows)
        return Past(
            list=view.list,
            time=view.when,
            epoch=view.epoch,
            sequence=view.sequence,
            as_of=view.as_of,
            simulated=view.simulated,
            complete=view.complete,
            size=len(view.rows),
            checksum=checksum(rows),
            rows=ranked(rows),
            id=UNSET if question.id is None else question.id,
        )

    async def _timeline(self, question: AskTimeline) -> Timeline:
        try:
            reader = await self.open_tape(question.list)
        except UnknownListError:
            return Timeline(question.list, question.since, 0, 0, simulated=False, moves=[], gaps=[])
        found = await read_timeline(reader, question.since, self.days)
        moves = list(found.moves[-MOST_MOVES:])
        return Timeline(
            list=question.list,
            since=question.since,
            begin=found.begin,
            end=found.end,
            simulated=reader.shelf.simulated,
            moves=moves,
            gaps=[gap_message(gap) for gap in found.gaps],
            left_out=len(found.moves) - len(moves),
        )


def gap_message(gap: Gap) -> PastGap:
    """A gap, as clients are told of it."""
    return PastGap(gap.begin, gap.end, gap.reason)
