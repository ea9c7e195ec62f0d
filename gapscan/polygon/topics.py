"""Which topics the provider has confirmed, against those that are wanted; what to ask for now. No I/O.

The wanted set is the truth. A request may be lost, an answer may be lost, a topic may be refused: whatever is missing
or left over after a while is asked for again. Times are seconds of any clock that does not go back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Final

from msgspec import Struct, field

_OPTIONAL_LIMIT: Final = 86_400.0  # seconds
_MOST_DOUBLINGS: Final = 30
_REQUEST_CHARACTERS: Final = 8_000  # of topics in one request; thousands of topics make several


class TopicRefusal(Struct):
    """A topic that the provider does not give: what it said last, how often, when to ask again; whether it named it."""

    message: str
    tries: int
    again: float
    named: bool


class TopicRequest(Struct):
    """Topics to ask for and to give back; `repeated` counts those that were asked for before, without an answer."""

    subscribe: list[str] = field(default_factory=list)
    unsubscribe: list[str] = field(default_factory=list)
    repeated: int = 0


class Topics:
    """The bookkeeping of one account's topics over all its sessions.

    What is not answered within `patience` seconds is asked again. A refused topic is left alone for `refused_first`
    seconds, then twice that and so on, never longer than `refused_limit`; the others do not suffer. That outlives the
    session only where the topic was named: an error that names none may have been meant for the session.

    Optional topics are those that an account may do without. They are asked for alone, when all others are answered,
    so that whatever the provider does about them costs the others nothing: an error without a topic is then meant for
    them, and so is the end of a session. Their refusal is no trouble, and they are asked for ever more rarely.
    """

    def __init__(self, patience: float, refused_first: float, refused_limit: float) -> None:
        self.refused: dict[str, TopicRefusal] = {}
        self._patience = patience
        self._refused_first, self._refused_limit = refused_first, refused_limit
        self.optional: frozenset[str] = frozenset()
        self._wanted: frozenset[str] = frozenset()
        self._on: set[str] = set()
        self._joining: dict[str, float] = {}  # asked for, not answered; when
        self._leaving: dict[str, float] = {}  # given back, not answered; when

    @property
    def wanted(self) -> Set[str]:
        """What the provider should send."""
        return self._wanted

    @property
    def confirmed(self) -> Set[str]:
        """What the provider said it sends."""
        return self._on

    @property
    def settled(self) -> bool:
        """Whether all that is wanted and neither refused nor optional is confirmed, and nothing unwanted is."""
        missing = self._wanted - self._on - self.refused.keys() - self.optional
        return not (self._leaving or self._on - self._wanted or missing)

    @property
    def none_confirmed(self) -> bool:
        """Whether topics other than the optional ones are wanted, and not one of them is confirmed."""
        needed = self._wanted - self.optional
        return bool(needed) and needed.isdisjoint(self._on)

    def want(self, topics: Iterable[str], optional: Iterable[str] = ()) -> None:
        """From now on, exactly these are wanted."""
        self.optional = frozenset(optional)
        self._wanted = frozenset(topics) | self.optional

    def begin(self, now: float, *, blame: bool = True) -> None:
        """A fresh session: the provider has nothing of ours. `blame`: an optional topic that was being asked for may
        have ended the last one."""
        if blame:
            for topic in self.optional & self._joining.keys():
                self.refuse(topic, "the session ended when it was asked for", now)
        for topic in [t for t, refusal in self.refused.items() if not refusal.named and t not in self.optional]:
            del self.refused[topic]
        self._on.clear()
        self._joining.clear()
        self._leaving.clear()

    def due(self, now: float) -> TopicRequest:
        """What to send now; it counts as sent."""
        self._forget_refusals(now)
        request = TopicRequest()
        for topic in self._wanted - self._on - self.optional:
            if self._may_ask(topic, now):
                request.repeated += topic in self._joining
                request.subscribe.append(topic)
        if not request.subscribe:
            request.subscribe += self._optional_due(now)
        # A request that was not answered may have been heard all the same.
        for topic in (self._on | self._joining.keys() | self._leaving.keys()) - self._wanted:
            asked = self._leaving.get(topic)
            if asked is None or asked + self._patience <= now:
                request.repeated += asked is not None
                request.unsubscribe.append(topic)
        self._note_sent(request, now)
        return request

    def _optional_due(self, now: float) -> list[str]:
        for topic in self.optional & self._joining.keys():
            if self._joining[topic] + self._patience <= now:
                self.refuse(topic, "no answer", now)
        if self._joining:
            return []
        return [topic for topic in self.optional - self._on if self._may_ask(topic, now)]

    def _may_ask(self, topic: str, now: float) -> bool:
        if topic in self._joining:
            return self._joining[topic] + self._patience <= now
        refusal = self.refused.get(topic)
        return refusal is None or refusal.again <= now

    def _note_sent(self, request: TopicRequest, now: float) -> None:
        for topic in request.subscribe:
            self._joining[topic] = now
            self._leaving.pop(topic, None)
        for topic in request.unsubscribe:
            self._leaving[topic] = now
            self._joining.pop(topic, None)
            self._on.discard(topic)

    def _forget_refusals(self, now: float) -> None:
        for topic in [t for t, refusal in self.refused.items() if t not in self._wanted and refusal.again <= now]:
            del self.refused[topic]

    def subscribed(self, topic: str) -> None:
        """The provider sends `topic`."""
        if topic in self._leaving:
            return  # the answer to a request before the last one
        self._joining.pop(topic, None)
        self.refused.pop(topic, None)
        self._on.add(topic)

    def unsubscribed(self, topic: str) -> None:
        """The provider no longer sends `topic`."""
        if topic in self._joining:
            return  # the answer to a request before the last one
        self._leaving.pop(topic, None)
        self._on.discard(topic)

    def refuse(self, topic: str, message: str, now: float, *, named: bool = True) -> bool:
        """The provider does not give `topic`, `named` or only a suspect; whether that is news, which it never is of an
        optional one."""
        if self._leaving.pop(topic, None) is not None:
            return False  # it has nothing to take back
        if self._joining.pop(topic, None) is None and topic not in self._on:
            return False
        self._on.discard(topic)
        known = self.refused.get(topic)
        tries = known.tries if known else 0
        limit = _OPTIONAL_LIMIT if topic in self.optional else self._refused_limit
        wait = min(limit, self._refused_first * 2.0 ** min(tries, _MOST_DOUBLINGS))
        self.refused[topic] = TopicRefusal(message, tries + 1, now + wait, named)
        return known is None and topic not in self.optional

    @property
    def suspects(self) -> list[str]:
        """The unanswered topics for which an error that names none may be meant.

        Those that were not meant are confirmed later, which takes a refusal back.
        """
        return list(self.optional & self._joining.keys()) or list(self._joining)


def batches(topics: list[str]) -> Iterator[list[str]]:
    """The topics in requests of a size that any server takes."""
    batch: list[str] = []
    size = 0
    for topic in topics:
        if batch and size + len(topic) > _REQUEST_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(topic)
        size += len(topic) + 1
    if batch:
        yield batch


def symbol_of(topic: str) -> str:
    """The symbol of a topic like A.BRK.B; * for all."""
    return topic.partition(".")[2]
