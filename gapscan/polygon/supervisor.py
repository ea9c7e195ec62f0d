"""Keeps the provider's stream alive: one session after the other, each brought to the topics that are wanted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Set
from typing import Final

from msgspec import Struct

from gapscan.obs import Tally, logger
from gapscan.polygon.events import Answer, Events, Frame, StreamStatus, answer_of, batch_of, read_frame
from gapscan.polygon.framequeue import FrameQueue
from gapscan.polygon.ledger import Ending, Ledger, Reason, SessionEndedError
from gapscan.polygon.stream import ProviderSession, StreamSettings
from gapscan.polygon.topics import Topics, symbol_of
from gapscan.polygon.watchdog import Watchdog
from gapscan.provider import LinkState, MayOpen, OnBatch, RefusedTopics, StreamReport, TopicCounts, at_once
from gapscan.runtime import Backoff, run_together

_log = logger("feed")

_FRAMES_A_ROUND: Final = 128
_GATHER_SECONDS: Final = 0.002
_SHOWN_REFUSALS: Final = 20


class LinkOptions(Struct, frozen=True, kw_only=True):
    """How patient the supervisor is, in seconds.

    `silence`: without data while the market is open; `healthy_after`: after which a session was a good one;
    `retry_first` to `retry_limit`: between sessions; `ask_again`: before an unanswered request is repeated;
    `refused_first` to `refused_limit`: before a refused topic is asked for again; `look`: between two looks at it all.
    """

    silence: float = 15.0
    healthy_after: float = 10.0
    retry_first: float = 0.25
    retry_limit: float = 4.0
    max_connections_wait: float = 60.0
    auth_failed_wait: float = 60.0
    ask_again: float = 3.0
    refused_first: float = 30.0
    refused_limit: float = 600.0
    look: float = 0.5


class Supervisor:
    """Runs sessions and reads what they bring, which goes to `on_batch`.

    `is_open` says whether the market is open, so that silence means trouble; `may_open` returns when a session may be
    opened.
    """

    def __init__(
        self,
        settings: StreamSettings,
        options: LinkOptions,
        on_batch: OnBatch,
        is_open: Callable[[], bool],
        tally: Tally,
        may_open: MayOpen = at_once,
    ) -> None:
        self.topics = Topics(options.ask_again, options.refused_first, options.refused_limit)
        self._settings = settings
        self._options = options
        self._on_batch = on_batch
        self._is_open = is_open
        self._may_open = may_open
        self._tally = tally
        self._queue = FrameQueue()
        self._ledger = Ledger()
        self._watchdog = Watchdog(options.silence)
        self._backoff = Backoff(options.retry_first, options.retry_limit)
        self._changed = asyncio.Event()
        self._number = 0  # of the session
        self._state: LinkState = "waiting"
        self._last_ending: Ending | None = None
        self._last_data = 0  # wall time, epoch ms
        self._none_since: float | None = None  # since when topics are wanted and none is confirmed

    def want(self, topics: Iterable[str], optional: Iterable[str] = ()) -> None:
        """From now on, exactly these topics are wanted, the optional ones where the provider gives them."""
        self.topics.want(topics, optional)
        self._topics_changed()
        self._changed.set()

    @property
    def _confirmed(self) -> Set[str]:
        """The confirmed topics that are not optional: those whose loss is one."""
        return self.topics.confirmed - self.topics.optional

    async def run(self) -> None:
        """Hold a session for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._hold_sessions())

    async def _hold_sessions(self) -> None:
        while True:
            await self._may_open()
            ending = await self._hold_one()
            self._note_ending(ending)
            await asyncio.sleep(self._wait_after(ending))

    async def _hold_one(self) -> Ending:
        """One session from opening to end."""
        self._number += 1
        self._state = "connecting"
        self._watchdog.begin(_now())
        session = self._open(self._number)
        ending = Ending(Reason.FAILED)
        began = _now()
        try:
            await run_together(session.run(), self._reconcile(session), self._watch(session))
        except SessionEndedError as ended:
            ending = ended.ending
        if session.ready.is_set() and _now() - began >= self._options.healthy_after:
            self._backoff.reset()
        return ending

    def _open(self, number: int) -> ProviderSession:
        def on_frame(frame: Frame) -> None:
            if dropped := self._queue.put(number, frame):
                self._tally.trouble("frames_dropped", "frames come faster than they are read; old ones go", dropped)

        return ProviderSession(self._settings, on_frame)

    def _note_ending(self, ending: Ending) -> None:
        symbols = len({symbol_of(topic) for topic in self._confirmed})
        # A link that went quiet was lost when it last brought something, not when that was noticed.
        quiet = ending.reason in (Reason.SILENT, Reason.STALLED) and self._last_data
        self._ledger.note(ending, self._last_data if quiet else _wall_ms(), symbols, session_lost=True)
        self._last_ending = ending
        self._state = "waiting"
        self.topics.begin(_now(), blame=not ending.of_account)
        self._topics_changed()
        self._tally.count("sessions_ended")
        log = _log.error if ending.reason is Reason.AUTH_FAILED else _log.warning
        log("live session ended: %s", ending.reason, extra={"detail": ending.detail, "symbols": symbols})

    def _wait_after(self, ending: Ending) -> float:
        if ending.reason is Reason.MAX_CONNECTIONS:
            return self._options.max_connections_wait
        if ending.reason is Reason.AUTH_FAILED:
            return self._options.auth_failed_wait
        return self._backoff.next()

    async def _reconcile(self, session: ProviderSession) -> None:
        """Ask for what is missing, give back what is left over, until both are none; and again on every change."""
        await session.ready.wait()
        self._state = "live"
        while True:
            self._changed.clear()
            request = self.topics.due(_now())
            if request.repeated:
                self._note_within(Reason.UNANSWERED, "requests were not answered", request.repeated)
            await session.unsubscribe(request.unsubscribe)
            await session.subscribe(request.subscribe)
            self._note_settled()
            await self._until_changed()

    async def _until_changed(self) -> None:
        try:
            async with asyncio.timeout(self._options.look):
                await self._changed.wait()
        except TimeoutError:
            return

    def _note_within(self, reason: Reason, detail: str, symbols: int) -> None:
        self._ledger.note(Ending(reason, detail), _wall_ms(), symbols, session_lost=False)
        self._tally.trouble(f"topics_{reason}", f"topics {reason}: {detail}", symbols)

    def _note_settled(self) -> None:
        if not (self._ledger.is_open and self.topics.settled) or self.topics.none_confirmed:
            return
        if entry := self._ledger.repaired(_wall_ms(), len(self._confirmed)):
            _log.info("live data is whole again", extra=entry.shown())

    async def _watch(self, session: ProviderSession) -> None:
        await session.ready.wait()
        while True:
            await asyncio.sleep(self._options.look)
            expecting = self._is_open() and bool(self._confirmed)
            if self._watchdog.is_silent(_now(), expecting=expecting):
                patience = self._watchdog.patience
                self._watchdog.ended_silent()
                raise SessionEndedError(Ending(Reason.SILENT, f"no data for {patience:g} s"))

    async def _read(self) -> None:
        """Read what has come, as much at a time as is there.

        A frame after a pause is read at once; those that follow on its heels are read together.
        """
        while True:
            frames = await self._queue.get(_FRAMES_A_ROUND)
            await self._pass_on(self._events_of(frames))
            # A pause even when more is waiting: the rest of the process has its turn.
            await asyncio.sleep(0 if len(frames) == _FRAMES_A_ROUND else _GATHER_SECONDS)

    def _events_of(self, frames: list[tuple[int, Frame]]) -> Events:
        events = Events()
        for number, frame in frames:
            read_frame(frame, events)
            if events.statuses:
                self._handle_statuses(number, events.statuses)
                events.statuses.clear()
        return events

    async def _pass_on(self, events: Events) -> None:
        if events.bad:
            self._tally.trouble("bad_events", f"the stream is unreadable in part: {events.first_fault}", events.bad)
        if events.lost:
            fault = events.first_fault
            self._tally.trouble("bad_fields", f"the stream has fields that cannot be read: {fault}", events.lost)
        if events.bars or events.trades:
            self._watchdog.data(_now())
            self._last_data = _wall_ms()
        if events.bars or events.trades or events.lulds:
            await self._on_batch(batch_of(events))

    def _handle_statuses(self, number: int, statuses: Iterable[StreamStatus]) -> None:
        if number != self._number or self._state == "waiting":
            return  # what a session said that is over
        for status in statuses:
            self._handle_answer(answer_of(status))
        self._topics_changed()
        self._changed.set()

    def _topics_changed(self) -> None:
        if not self.topics.none_confirmed:
            self._none_since = None
        elif self._none_since is None:
            self._none_since = _now()

    def _handle_answer(self, answer: Answer) -> None:
        if answer.kind == "subscribed":
            for topic in answer.topics:
                self.topics.subscribed(topic)
        elif answer.kind == "unsubscribed":
            for topic in answer.topics:
                self.topics.unsubscribed(topic)
        elif answer.kind == "refused":
            self._refuse(answer)
        elif answer.kind == "unknown":
            self._note_error(answer)

    def _note_error(self, answer: Answer) -> None:
        self._tally.trouble("provider_errors", f"the provider says: {answer.message}")

    def _refuse(self, answer: Answer) -> None:
        topics = answer.topics or self.topics.suspects
        if not topics or not (answer.topics or self.topics.optional.issuperset(topics)):
            self._note_error(answer)
        for topic in self.topics.optional.intersection(topics) - self.topics.refused.keys():
            _log.info("the provider does not give %s", topic, extra={"detail": answer.message})
        now, named = _now(), bool(answer.topics)
        if news := sum(self.topics.refuse(topic, answer.message, now, named=named) for topic in topics):
            self._note_within(Reason.REFUSED, answer.message, news)

    def report(self) -> StreamReport:
        """State of the link, its reconnects and what they cost, and the topics that are refused."""
        last = self._last_ending
        refused = sorted((t, r) for t, r in self.topics.refused.items() if t not in self.topics.optional)
        return StreamReport(
            state=self._state,
            sessions=self._number,
            reconnects=max(0, self._number - 1),
            last_error=f"{last.reason}: {last.detail}" if last and self._state != "live" else "",
            topics=TopicCounts(len(self.topics.wanted - self.topics.optional), len(self._confirmed)),
            none_confirmed_seconds=0.0 if self._none_since is None else round(_now() - self._none_since, 1),
            settled=self._state == "live" and self.topics.settled,
            waiting_frames=len(self._queue),
            refused=RefusedTopics(len(refused), {t: r.message for t, r in refused[:_SHOWN_REFUSALS]}),
            ledger=self._ledger.shown(),
        )


def _now() -> float:
    return time.monotonic()


def _wall_ms() -> int:
    return round(time.time() * 1000)
