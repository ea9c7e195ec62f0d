"""A snapshot of the market as universe frames, without what claims to be of the future."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import UNSET, Struct, UnsetType

from gapscan.market.columns import Floats, packed
from gapscan.market.sessions import session_times, trading_date
from gapscan.obs import Tally
from gapscan.protocol.feed import SCAN_COLUMNS, SYMBOLS_A_PART
from gapscan.protocol.messages import SessionName, UniverseFrame
from gapscan.provider import MarketSnapshot

# The provider's clock and its data may disagree by a little; market time is the later of the two. What is further ahead
# of the clock than this is an error in the data.
AHEAD_MS: Final = 60_000


class Observation(Struct):
    """What goes with a scan but is not in it."""

    frame: int
    as_of: int
    session: SessionName
    simulated: bool
    received: int | UnsetType = UNSET  # wall time at which the feed had it, epoch ms
    clock: int | UnsetType = UNSET  # the provider's, where that is not `as_of`


class LeftOut(Struct, frozen=True):
    """Symbols of a scan that are left out because of their time: of a day that is over, or of the future."""

    past: int = 0
    future: int = 0

    @classmethod
    def of(cls, offered: MarketSnapshot, kept: MarketSnapshot, now: int) -> LeftOut:
        """Those of `offered`, of which `kept` is without the future. What is of the past is sent, and not ranked."""
        begins = session_times(trading_date(now)).night
        past = np.count_nonzero((kept.newest > 0) & (kept.newest <= begins))
        return cls(int(past), len(offered) - len(kept))


def universe_frames(snapshot: MarketSnapshot, seen: Observation, size: int = SYMBOLS_A_PART) -> list[UniverseFrame]:
    """The scan as frames of at most `size` symbols; one frame without symbols for an empty scan."""
    starts = range(0, len(snapshot), size) or (0,)
    columns = {name: snapshot.columns[name] for name in SCAN_COLUMNS if name in snapshot.columns}
    return [
        _part(snapshot, columns, slice(start, start + size), (number, len(starts)), seen)
        for number, start in enumerate(starts, 1)
    ]


def _part(
    snapshot: MarketSnapshot, columns: dict[str, Floats], these: slice, place: tuple[int, int], seen: Observation
) -> UniverseFrame:
    return UniverseFrame(
        frame=seen.frame,
        part=place[0],
        parts=place[1],
        as_of=seen.as_of,
        session=seen.session,
        simulated=seen.simulated,
        symbols=snapshot.symbols[these],
        received=seen.received,
        clock=seen.clock,
        **{name: packed(column[these]) for name, column in columns.items()},
    )


def without_future(snapshot: MarketSnapshot, now: int, tally: Tally) -> MarketSnapshot:
    """The scan without what claims to be of the future: nothing newer could take its place for as long."""
    limit = now + AHEAD_MS
    if snapshot.newest_event <= limit:
        return snapshot
    kept = snapshot.only(snapshot.newest <= limit)
    ahead = len(snapshot) - len(kept)
    if ahead > np.count_nonzero(kept.newest):
        tally.trouble("clock_behind", f"{ahead} of {len(snapshot)} elements are ahead of the provider's clock")
        return snapshot
    tally.trouble("future_elements", f"{ahead} elements of a scan are of the future, and left out", ahead)
    return kept


def market_time_of(snapshot: MarketSnapshot, now: int) -> int:
    """Market time of a scan made at `now` by the provider's clock: the later of it and the data, if they agree."""
    newest = snapshot.newest_event
    return max(now, newest) if newest <= now + AHEAD_MS else now
