"""What a ranker makes of the feed's clock, and of its silence."""

from __future__ import annotations

from gapscan.protocol.messages import Clock
from gapscan.ranker.feed_watch import SILENCE_SECONDS, FeedWatch


def ticked(watch: FeedWatch, seconds: float) -> FeedWatch:
    for _ in range(round(seconds / 0.25)):
        watch.tick(0.25)
    return watch


def test_a_feed_that_was_never_heard_is_not_judged_by_its_silence() -> None:
    assert ticked(FeedWatch(), 1_000).state == "live"


def test_two_seconds_without_the_clock_are_silence() -> None:
    watch = FeedWatch()
    watch.observe(Clock(1))
    assert ticked(watch, SILENCE_SECONDS).state == "live"
    assert ticked(watch, 0.25).state == "stale"
    assert watch.reason == "nothing is heard of the feed for 2 s"
    watch.observe(Clock(2))
    assert (watch.state, watch.reason) == ("live", "")


def test_what_the_feed_says_counts_while_it_speaks() -> None:
    watch = FeedWatch()
    watch.observe(Clock(1, "delayed", delayed_by=900_000, behind=902_000))
    assert (watch.state, watch.delayed_by, watch.behind) == ("delayed", 900_000, 902_000)
    watch.observe(Clock(1, "stale", "no bars for 4 s"))
    assert (watch.state, watch.reason, watch.delayed_by, watch.behind) == ("stale", "no bars for 4 s", 0, None)


def test_a_feed_of_before_says_no_state() -> None:
    watch = FeedWatch()
    watch.observe(Clock(1, "stale", "no bars for 4 s"))
    watch.observe(Clock(2))
    assert (watch.state, watch.reason) == ("live", "")
