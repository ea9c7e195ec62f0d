"""Topic bookkeeping against a provider that loses, delays and refuses: it ends at what is wanted."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gapscan.polygon.topics import Topics, batches

PATIENCE, FIRST, LIMIT = 3.0, 30.0, 600.0
NAMES = [f"A.S{n}" for n in range(8)]
topic_sets = st.sets(st.sampled_from(NAMES))


class AgainstAProvider(RuleBasedStateMachine):
    """The provider answers in order; requests may be lost on the way, answers never overtake each other."""

    def __init__(self) -> None:
        super().__init__()
        self.topics = Topics(PATIENCE, FIRST, LIMIT)
        self.now = 1000.0
        self.requests: deque[Any] = deque()
        self.answers: deque[Any] = deque()
        self.sending: set[str] = set()
        self.refused: set[str] = set()

    @rule(wanted=topic_sets)
    def want(self, wanted: Any) -> None:
        self.topics.want(wanted)

    @rule(seconds=st.floats(0.1, 100))
    def wait(self, seconds: Any) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        request = self.topics.due(self.now)
        assert set(request.subscribe) <= set(self.topics.wanted)
        assert not set(request.unsubscribe) & set(self.topics.wanted)
        for topic in request.subscribe:
            self.requests.append((True, topic))
        for topic in request.unsubscribe:
            self.requests.append((False, topic))
        again = self.topics.due(self.now)
        assert not again.subscribe  # asking twice at once says nothing new
        assert not again.unsubscribe

    @rule(refused=topic_sets)
    def change_what_is_refused(self, refused: Any) -> None:
        self.refused = refused

    @precondition(lambda self: self.requests)
    @rule(lost=st.booleans())
    def provider_hears(self, lost: Any) -> None:
        subscribe, topic = self.requests.popleft()
        if not lost:
            self.answer(subscribe, topic)

    def answer(self, subscribe: Any, topic: Any) -> None:
        if subscribe and topic in self.refused:
            self.answers.append(("refused", topic))
            return
        (self.sending.add if subscribe else self.sending.discard)(topic)
        self.answers.append(("subscribed" if subscribe else "unsubscribed", topic))

    @precondition(lambda self: self.answers)
    @rule()
    def hear_answer(self) -> None:
        kind, topic = self.answers.popleft()
        if kind == "refused":
            self.topics.refuse(topic, "no", self.now)
        else:
            getattr(self.topics, kind)(topic)

    @rule()
    def hear_an_error_that_names_nothing(self) -> None:
        for topic in self.topics.suspects:
            self.topics.refuse(topic, "no", self.now, named=False)

    @rule()
    def new_session(self) -> None:
        self.requests.clear()
        self.answers.clear()
        self.sending.clear()
        self.topics.begin(self.now)
        assert all(refusal.named for refusal in self.topics.refused.values())

    @invariant()
    def refusals_are_backed_off(self) -> None:
        for refusal in self.topics.refused.values():
            assert refusal.again <= self.now + LIMIT
            assert refusal.tries >= 1

    def everything_arrives(self) -> None:
        while self.requests:
            self.answer(*self.requests.popleft())
        while self.answers:
            self.hear_answer()

    def teardown(self) -> None:
        """From any state: once nothing is lost or refused any more, all is as wanted, soon."""
        self.refused = set()
        self.everything_arrives()
        self.now += LIMIT + 1  # the longest that a refused topic is left alone
        for _ in range(3):
            self.ask()
            self.everything_arrives()
            self.now += PATIENCE
        assert self.topics.settled
        assert set(self.topics.confirmed) == set(self.topics.wanted) == self.sending
        assert not self.topics.refused.keys() & self.topics.wanted


TestAgainstAProvider = AgainstAProvider.TestCase
TestAgainstAProvider.settings = settings(max_examples=200, stateful_step_count=40)


def test_a_lost_request_is_repaired_within_the_patience() -> None:
    topics = Topics(PATIENCE, FIRST, LIMIT)
    topics.want({"A.X", "A.Y"})
    assert sorted(topics.due(0.0).subscribe) == ["A.X", "A.Y"]
    topics.subscribed("A.X")
    assert topics.due(PATIENCE - 0.1).subscribe == []
    request = topics.due(PATIENCE)
    assert (request.subscribe, request.repeated) == (["A.Y"], 1)


def test_a_refused_topic_waits_longer_each_time() -> None:
    topics = Topics(PATIENCE, FIRST, LIMIT)
    topics.want({"A.X"})
    now, waits = 0.0, []
    for tries in range(7):
        assert topics.due(now).subscribe == ["A.X"]
        assert topics.refuse("A.X", "no", now) == (tries == 0)
        assert topics.settled  # the others do not wait for it
        wait = topics.refused["A.X"].again - now
        waits.append(wait)
        assert topics.due(now + wait - 0.1).subscribe == []
        now += wait
    assert waits == [30, 60, 120, 240, 480, 600, 600]


def test_an_error_without_a_topic_is_taken_back_for_those_that_were_not_meant() -> None:
    topics = Topics(PATIENCE, FIRST, LIMIT)
    topics.want({"A.X", "A.Y"})
    topics.due(0.0)
    assert sorted(topics.suspects) == ["A.X", "A.Y"]
    assert all(topics.refuse(topic, "not authorized", 0.0) for topic in topics.suspects)
    topics.subscribed("A.X")
    assert set(topics.refused) == {"A.Y"}
    assert topics.settled


def test_a_refusal_outlives_a_session_but_not_a_lack_of_interest() -> None:
    topics = Topics(PATIENCE, FIRST, LIMIT)
    topics.want({"A.X"})
    topics.due(0.0)
    topics.refuse("A.X", "no", 0.0)
    topics.begin(0.0)
    assert topics.due(1.0).subscribe == []
    topics.want(set())
    topics.due(FIRST)
    assert not topics.refused


def test_a_refusal_that_named_no_topic_ends_with_the_session() -> None:
    topics = Topics(PATIENCE, FIRST, LIMIT)
    topics.want({"A.X", "A.Y"})
    topics.due(0.0)
    topics.refuse("A.X", "no A.X", 0.0)
    topics.refuse("A.Y", "slow consumer", 0.0, named=False)
    assert topics.settled
    assert topics.none_confirmed
    topics.begin(0.0)
    assert topics.due(0.0).subscribe == ["A.Y"]
    topics.subscribed("A.Y")
    assert not topics.none_confirmed


def test_unknown_answers_are_believed_and_put_right() -> None:
    topics = Topics(PATIENCE, FIRST, LIMIT)
    topics.want({"A.X"})
    topics.subscribed("A.OTHER")
    assert topics.due(0.0).unsubscribe == ["A.OTHER"]


@given(st.lists(st.text("ABCDEFGH.", min_size=1, max_size=12), max_size=3000))
def test_batches_hold_everything_and_stay_small(topics: Any) -> None:
    made = list(batches(topics))
    assert [topic for batch in made for topic in batch] == topics
    assert all(batch and len(",".join(batch)) <= 8_100 for batch in made)


def with_halts(*topics: Any) -> Any:
    made = Topics(PATIENCE, FIRST, LIMIT)
    made.want(set(topics), {"LULD.*"})
    return made


def test_an_optional_topic_is_asked_for_alone_and_last() -> None:
    topics = with_halts("A.X", "A.Y")
    assert sorted(topics.due(0.0).subscribe) == ["A.X", "A.Y"]
    topics.subscribed("A.X")
    assert topics.due(0.1).subscribe == []
    topics.subscribed("A.Y")
    assert topics.settled
    assert topics.due(0.2).subscribe == ["LULD.*"]
    topics.subscribed("LULD.*")
    assert set(topics.confirmed) == {"A.X", "A.Y", "LULD.*"}


def test_an_error_without_a_topic_is_meant_for_the_optional_one() -> None:
    topics = with_halts()
    assert topics.due(0.0).subscribe == ["LULD.*"]
    topics.want({"A.X"}, {"LULD.*"})
    assert topics.due(0.1).subscribe == ["A.X"]
    assert topics.suspects == ["LULD.*"]
    assert not topics.refuse("LULD.*", "not authorized", 0.2), "no news"
    assert topics.suspects == ["A.X"]


def test_an_optional_topic_that_ends_sessions_is_left_alone() -> None:
    topics = with_halts("A.X")
    now, asked = 0.0, []
    while now < 86_400:
        topics.begin(now)
        topics.due(now)
        topics.subscribed("A.X")
        asked += [now] if topics.due(now).subscribe else []
        now += 10
    assert len(asked) < 14
    assert asked[1] >= FIRST
    assert asked[-1] - asked[-2] > 20_000


def test_an_optional_topic_is_not_blamed_for_what_the_account_is_told() -> None:
    topics = with_halts("A.X")
    for _ in range(3):
        topics.due(0.0)
        assert topics.none_confirmed
        topics.subscribed("A.X")
        assert not topics.none_confirmed
        assert topics.due(0.0).subscribe == ["LULD.*"]
        topics.begin(0.0, blame=False)
    assert not topics.refused


def test_optional_topics_alone_are_not_missed() -> None:
    topics = with_halts()
    topics.due(0.0)
    assert not topics.none_confirmed


def test_an_optional_topic_without_an_answer_is_no_trouble() -> None:
    topics = with_halts("A.X")
    topics.due(0.0)
    topics.subscribed("A.X")
    assert topics.due(0.0).subscribe == ["LULD.*"]
    request = topics.due(PATIENCE)
    assert (request.subscribe, request.repeated) == ([], 0)
    assert topics.due(PATIENCE + FIRST).subscribe == ["LULD.*"]


def test_an_optional_topic_that_is_no_longer_wanted_is_given_back() -> None:
    topics = with_halts()
    topics.due(0.0)
    topics.subscribed("LULD.*")
    topics.want(set())
    assert topics.due(1.0).unsubscribe == ["LULD.*"]
