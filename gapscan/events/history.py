"""One list's way from delta to delta, and the events on it. Pure: whoever reads the deltas stores what it gives."""

from __future__ import annotations

from collections.abc import Sequence

from gapscan.events.alert_view import Step
from gapscan.events.alerting import ListAlerts
from gapscan.events.meaning import Meaning, Moment
from gapscan.lists.delta import Rows, checksum, symbols_of
from gapscan.lists.difference import diff
from gapscan.lists.state import Copy, Fit, ranked, unranked
from gapscan.market.sessions import date_of_trades
from gapscan.protocol.alerts import Alert
from gapscan.protocol.events import EventGap, EventPosition, GapReason, Occurrence
from gapscan.protocol.messages import Change, Delta, NearMiss, Remove, Snapshot


class ListHistory:
    """A list at one sequence, with what is known of its day."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.copy = Copy()
        self.alerts = ListAlerts()
        self.simulated = False
        self._date = ""
        self._seen: set[str] = set()
        self._near: set[str] = set()

    @property
    def begun(self) -> bool:
        """Whether anything is known of the list."""
        return bool(self.copy.epoch)

    def begin(self, epoch: str) -> None:
        """The list is empty, and its deltas are known from the first one on."""
        self.copy.epoch = epoch

    def restore(self, position: EventPosition) -> None:
        """Go on where another one was. Raises DeltaError when its ranks are wrong."""
        self.copy = loaded(position)
        self.simulated = position.simulated
        self._date, self._seen, self._near = position.date, set(position.seen), set(position.near)
        self.alerts.restore(position.alerts, position.entries)

    def position(self, pending: Sequence[Occurrence] = (), stored: int = 0) -> EventPosition:
        """Where this one is."""
        copy = self.copy
        return EventPosition(
            list=self.name,
            epoch=copy.epoch,
            sequence=copy.sequence,
            as_of=copy.as_of,
            rows=ranked(copy.rows),
            date=self._date,
            seen=sorted(self._seen),
            near=sorted(self._near),
            pending=list(pending),
            stored=stored,
            alerts=self.alerts.states(),
            entries=self.alerts.entries,
            simulated=self.simulated,
        )

    def apply(self, delta: Delta, sequence: int) -> tuple[Fit, list[Occurrence]]:
        """Go on by one delta, if it fits, and what that means."""
        before, rows = self._state(), self.copy.rows
        fit = self.copy.apply(delta, sequence)
        if fit is not Fit.APPLIED:
            return fit, []
        lasted = self.alerts.lasted(before, delta.as_of)
        return fit, [*lasted, *self._meaning(rows, delta.changes, delta.near or ())]

    def lasted(self, until: int) -> list[Alert]:
        """What alerts say of what stayed so until their dwell was over: there was no delta until the time `until`."""
        return self.alerts.lasted(self._state(), until)

    def _state(self) -> Step:
        copy = self.copy
        return Step(self.name, copy.epoch, copy.sequence, copy.as_of, copy.rows, copy.rows, (), self.simulated)

    def skip_to(self, copy: Copy, reason: GapReason, simulated: bool) -> list[Occurrence]:
        """Go on at another state, to which no deltas lead: the gap, and in sum what happened in it.

        Of a list of which nothing was known, nothing happened: its rows are there, since when nobody knows.
        """
        earlier, self.copy, self.simulated = self.copy, copy, simulated
        gap = EventGap(
            list=self.name,
            as_of=copy.as_of,
            epoch=copy.epoch,
            sequence=copy.sequence,
            reason=reason,
            earlier_epoch=earlier.epoch,
            earlier_sequence=earlier.sequence,
            simulated=simulated,
        )
        if not earlier.epoch:
            self._turn_day()
            self._seen.update(symbols_of(copy.rows))
            return [gap]
        return [gap, *self._meaning(earlier.rows, diff(earlier.rows, copy.rows), missed=True)]

    def remove(self) -> list[Occurrence]:
        """The list is defined no longer: all leave."""
        before, self.copy.rows = self.copy.rows, []
        return self._meaning(before, [Remove(symbol, "removed") for symbol in symbols_of(before)])

    def _meaning(
        self, before: Rows, changes: Sequence[Change], near: Sequence[NearMiss] = (), *, missed: bool = False
    ) -> list[Occurrence]:
        copy = self.copy
        self._turn_day()
        moment = Moment(self.name, copy.epoch, copy.sequence, copy.as_of, self.simulated, missed)
        meaning = Meaning(moment, before, copy.rows, self._seen, self._near)
        events: list[Occurrence] = [*meaning.events(changes), *meaning.near_misses(near)]
        at = (self.name, copy.epoch, copy.sequence, copy.as_of)
        step = Step(*at, before, copy.rows, events, self.simulated, missed)
        return [*events, *self.alerts.alerts(step)]

    def _turn_day(self) -> None:
        if self.copy.as_of and (date := str(date_of_trades(self.copy.as_of))) != self._date:
            self._date = date
            self._seen.clear()
            self._near.clear()


def loaded(state: Snapshot | EventPosition) -> Copy:
    """A copy at a stored state. Raises DeltaError when its ranks are wrong."""
    copy = Copy()
    copy.rows = unranked(state)
    copy.checksum = checksum(copy.rows)
    copy.epoch, copy.sequence, copy.as_of = state.epoch, state.sequence, state.as_of
    return copy
