"""The one writer of a list: publishes differences, fenced by the stream's sequence.

A second writer can never interleave, and a publish whose acknowledgement was lost is recognised, not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from msgspec import UNSET
from nats.js import api

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.direct_get import Stored
from gapscan.bus.fenced import Attempt, FencedStream, FencedValue, Leads, unsure
from gapscan.bus.history import History
from gapscan.bus.list_copy import advance, continued, copy_of, snapshot_in
from gapscan.bus.stage_times import UNKNOWN, Lateness, StageTimes
from gapscan.bus.topology import Retention, change_epoch, ensure_list, epoch_of
from gapscan.errors import FencedError, ProtocolError, StreamLostError
from gapscan.lists.delta import checksum
from gapscan.lists.difference import diff
from gapscan.lists.state import Copy, ranked
from gapscan.obs import logger
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Change, Delta, Heartbeat, NearMiss, Row, Snapshot, State
from gapscan.protocol.values import wire_state

_log = logger("bus")


# Given a list, its changes and the market time of its rows: the changes, with the reasons of those who leave.
Explain = Callable[[str, Sequence[Change], int], list[Change]]


def _unexplained(_name: str, changes: Sequence[Change], _since: int) -> list[Change]:
    return list(changes)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A publish whose fate is not known yet."""

    stored: Attempt
    delta: Delta
    rows: Sequence[Row]


class ListPublisher:
    """Publishes one list. `rows`, `epoch` and `sequence` are what is stored, never what was merely computed.
    `explain` says why rows leave. While this process `leads`, a delta of another writer is of an earlier term,
    and came late: the list goes on behind it.

    After a FencedError the list belongs to another writer: publish no more.
    """

    def __init__(self, bus: Bus, name: str, explain: Explain = _unexplained, leads: Leads = unsure) -> None:
        self.name = name
        self.epoch = ""
        self.sequence = 0
        self.as_of = 0
        self.rows: Sequence[Row] = ()
        self.published = 0
        self.published_bytes = 0
        self.snapshot_sequence = -1  # what the stored snapshot is of; -1: it is to be stored anew
        self._bus = bus
        self.late = 0  # deltas of an earlier term that were stored after this one had begun
        self._leads = leads
        self._stream = FencedStream(bus, bus.names.list_stream(name), bus.names.delta_subject(name), f"list {name}")
        self._snapshot = FencedValue(bus, bus.names.bucket_snapshots, name, f"the snapshot of {name}", leads)
        self._explain = explain
        self._attempt: _Attempt | None = None
        self._due: tuple[Sequence[Row], int] | None = None  # what a stream begins with that is being made anew
        self._retention = Retention()
        self._history = History()
        self._simulated = False
        self.near: dict[str, NearMiss] = {}  # who came near to the list, to be said with the next delta
        self._at_work = asyncio.Lock()
        self._storing = asyncio.Lock()
        self._is_retired = False

    @property
    def adopted(self) -> int:
        """Deltas that were stored although their acknowledgement was lost."""
        return self._stream.adopted

    @property
    def unsettled(self) -> bool:
        """Whether the stream is being made anew: until then, `rows` and `sequence` may be of neither stream."""
        return self._due is not None

    async def recover(self, retention: Retention, simulated: bool = False) -> None:
        """Continue the list where the stream ends: snapshot plus later deltas, same epoch, same sequence.

        A new epoch begins when the stream is behind its snapshot (a server that lost its disk), or when what
        is stored cannot be continued. Raises BusError, or TopologyError for a stream of another kind.
        """
        self._retention = retention
        shown = await self._continue(self._snapshot.read)
        if shown is not None:  # under a new epoch too, nobody is shown the list empty
            self.rows, self.as_of = shown.rows, shown.as_of
        await self.write_snapshot(simulated)

    async def _continue(self, read: Callable[[], Awaitable[Stored | None]]) -> Copy | None:
        """Returns what was shown last, if it can be read."""
        self._attempt = None
        info = await ensure_list(self._bus, self.name, self._retention)
        snapshot = snapshot_in(await read(), self.name)
        copy = await continued(self._bus, self.name, info, snapshot)
        if copy is not None:
            self.epoch, self.sequence, self.rows, self.as_of = copy.epoch, copy.sequence, copy.rows, copy.as_of
            self.snapshot_sequence = snapshot.sequence if snapshot else -1
        else:
            await self._begin_epoch(info, snapshot)
        self._history.begin(self.sequence)
        return copy or copy_of(snapshot)

    async def _begin_epoch(self, info: api.StreamInfo, snapshot: Snapshot | None) -> None:
        """Start from the stream's last sequence under an epoch that no client knows."""
        epoch = epoch_of(info)
        fresh = epoch is not None and info.state.last_seq == 0 and (not snapshot or snapshot.epoch != epoch)
        self.epoch = epoch if fresh and epoch else await change_epoch(self._bus, info)
        self.sequence, self.rows = info.state.last_seq, ()
        self.snapshot_sequence = -1
        if not fresh:
            _log.warning("list continues under a new epoch", extra={"list": self.name, "epoch": self.epoch})

    async def publish(self, rows: Sequence[Row], as_of: int, times: StageTimes | None = None) -> bool:
        """Publish what leads from the stored list to `rows`; False when nothing does.

        A stream that is gone is made anew, under a new epoch. Raises FencedError when another writer owns the list,
        BusError when NATS did not take it: the same call may then be repeated with newer rows, and loses nothing.
        """
        async with self._at_work:
            try:
                if not self.unsettled or self._is_retired:
                    return await self._publish(rows, as_of, times)
            except StreamLostError as error:
                if self._is_retired:
                    raise
                _log.warning("%s, making it anew", error.message, extra={"list": self.name})
            return await self._begin_anew(rows, as_of)

    async def renew(self) -> None:
        """Look whether the stream is there, and if not, make it anew with the rows that the list has.

        Raises FencedError when another writer did, BusError when that cannot be had: the list is `unsettled` then,
        and the next `publish` or `renew` begins it anew.
        """
        async with self._at_work:
            if not self._is_retired:
                await self._begin_anew(*(self._due or (self.rows, self.as_of)))

    async def _begin_anew(self, rows: Sequence[Row], as_of: int) -> bool:
        """The snapshot comes last, so that nobody is shown the list empty in between."""
        self._due = (rows, as_of)
        await self._continue(self._snapshot.read_own)
        published = await self._publish(rows, as_of)
        self._due = None
        await self.write_snapshot(self._simulated)
        return published

    async def retire(self) -> None:
        """The list is removed: what is lost of it is not made anew. Returns when nothing is on its way any more."""
        self._is_retired = True
        async with self._at_work, self._storing:
            pass

    async def _publish(self, rows: Sequence[Row], as_of: int, times: StageTimes | None = None) -> bool:
        try:
            return await self._publish_next(rows, as_of, times)
        except FencedError:
            if not await self._take_over():
                raise
            return await self._publish_next(rows, as_of, times)

    async def _take_over(self) -> bool:
        """Go on behind what another writer stored, if that is one who led before; False if it may be a rival."""
        copy = Copy()
        copy.epoch, copy.sequence, copy.rows = self.epoch, self.sequence, list(self.rows)
        try:
            late = await advance(self._bus, self._bus.names.list_stream(self.name), copy)
        except ProtocolError:
            return False
        if not late or not self._leads():  # in this order: what was read was stored before
            return False
        _log.warning("going on behind what was stored late", extra={"list": self.name, "deltas": late})
        self._attempt = None
        self.sequence, self.rows, self.as_of = copy.sequence, copy.rows, copy.as_of
        self.late += late
        return True

    async def _publish_next(self, rows: Sequence[Row], as_of: int, times: StageTimes | None = None) -> bool:
        if self._attempt is not None:
            await self._store(self._attempt)
        changes = diff(self.rows, rows)
        if not changes and not self.near:
            self.rows = rows  # equal to those that are stored, and with what their maker knows of them
            return False
        delta = Delta(
            list=self.name,
            epoch=self.epoch,
            prev=self.sequence,
            as_of=as_of,
            changes=self._explain(self.name, changes, self.as_of),
            size=len(rows),
            checksum=checksum(rows),
            received=times.received if times else UNSET,
            ranked=times.ranked if times else UNSET,
            near=list(self.near.values()) or UNSET,
        )
        await self._store(_Attempt(self._stream.attempt(self.sequence, encode(delta), self.epoch), delta, rows))
        return True

    async def _store(self, attempt: _Attempt) -> None:
        self._attempt = attempt
        await self._stream.store(attempt.stored)
        self._attempt = None
        for miss in attempt.delta.near or ():
            self.near.pop(miss.symbol, None)
        self.rows, self.sequence, self.as_of = attempt.rows, attempt.delta.prev + 1, attempt.delta.as_of
        self.published += 1
        self.published_bytes += len(attempt.stored.payload)

    async def write_snapshot(self, simulated: bool) -> bool:
        """Store the list as it is published, if it changed since the last snapshot and is not `unsettled`.

        Raises FencedError when another writer stored one in between, BusError when NATS did not take it.
        """
        self._simulated = simulated
        async with self._storing:
            if self._is_retired or self.unsettled or self.snapshot_sequence == self.sequence:
                return False
            return await self._write_snapshot()

    def check_snapshot_soon(self) -> None:
        """Store the snapshot the next time, changed or not: somebody deleted it."""
        self.snapshot_sequence = -1

    async def _write_snapshot(self) -> bool:
        snapshot = Snapshot(
            list=self.name,
            epoch=self.epoch,
            sequence=self.sequence,
            as_of=self.as_of,
            rows=ranked(self.rows),
            checksum=checksum(self.rows),
            simulated=self._simulated,
        )
        await self._snapshot.put(encode(snapshot))
        # A list that began a new epoch meanwhile has another sequence: that snapshot is still to be stored.
        self.snapshot_sequence = snapshot.sequence if snapshot.epoch == self.epoch else -1
        self._history.note(self.snapshot_sequence)
        return True

    async def trim(self) -> None:
        """Drop deltas that are older than they need be kept, and in the snapshot. Raises BusError.

        The server's own limit of age would also drop those that the snapshot does not have, once nobody leads: what the
        list was last could then not be had, and it would need a new epoch.
        """
        async with self._storing:
            if self._is_retired or self.unsettled:
                return
            if upto := self._history.expired(self.snapshot_sequence, self._retention.max_age_seconds):
                await self._stream.drop(upto)

    async def heartbeat(self, state: State, as_of: int, simulated: bool, lateness: Lateness = UNKNOWN) -> None:
        """Say that the list is alive, and what its last sequence is. Raises BusError."""
        behind, ours, delayed_by = (UNSET if value is None else value for value in lateness)
        delayed = True if state == "delayed" else UNSET
        beat = Heartbeat(
            self.name, self.epoch, self.sequence, as_of, wire_state(state), simulated, delayed, behind, ours,
            delayed_by,
        )  # fmt: skip
        try:
            await self._bus.nc.publish(self._bus.names.heartbeat_subject(self.name), encode(beat))
        except NATS_ERRORS as error:
            raise translated(error, f"heartbeat of {self.name}") from error
