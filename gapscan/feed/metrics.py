"""What the feed counts, and what Prometheus reads of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, get_args

from prometheus_client import Histogram, Metric

from gapscan.protocol.values import FeedState
from gapscan.service.metrics import LEADERSHIP_COUNTS, LEADERSHIP_FAILURES, PREFIX, Kinds, gauge, gauges, stage_metrics

if TYPE_CHECKING:
    from gapscan.feed.term import FeedTerm

_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)  # seconds

KINDS: Final = Kinds(
    counts={
        **LEADERSHIP_COUNTS,
        "backfilled": "symbols whose bars of a time that was missed were filled in",
        "scans": "scans of the whole market that were published",
        "bars": "bars that the provider sent",
        "trades": "trades that the provider sent",
        "halt_changes": "changes of the halts of symbols",
        "published_bytes": "bytes published on NATS",
        "sessions_ended": "sessions with the provider's stream that ended",
        "withheld": "messages that were not published, because another feed might lead",
        "hot_set_behind": "commands after which the stored hot set was no newer for a second",
        "bars_answered": "questions for a symbol's bars that were answered",
        "details": "company details that were loaded",
        "details_unknown": "symbols that the provider has no details of",
        "details_put_off": "symbols whose details were not asked for, because too many waited",
        "news_polls": "requests for the market's news that were answered",
        "headlines": "pieces of news that came",
        "new_symbols": "symbols that came after the day's listings, and were asked about",
        "flat_files_kept": "days of minute files whose volumes were known from an earlier start",
        "flat_files_read": "days of minute files that were read",
    },
    failures={
        *LEADERSHIP_FAILURES,
        "backfill_failed",
        "backfill_refused",
        "bad_elements",
        "bad_events",
        "bad_fields",
        "bad_flat_files",
        "bad_flat_lines",
        "bad_halts",
        "bad_hot_set",
        "calendar_disagrees",
        "clock_behind",
        "closes_failed",
        "closes_refused",
        "curve_cache",
        "curves_failed",
        "details_failed",
        "details_unread",
        "details_unsendable",
        "details_unsent",
        "dividends_refused",
        "doubled_elements",
        "float_refused",
        "frames_dropped",
        "future_elements",
        "halt_list_failed",
        "halts_unpublished",
        "hot_set_unavailable",
        "live_unpublished",
        "new_symbols_failed",
        "news_left_out",
        "news_failed",
        "news_refused",
        "news_unsent",
        "no_flat_files",
        "provider_errors",
        "provider_silent",
        "questions_dropped",
        "questions_failed",
        "questions_unreadable",
        "reference_failed",
        "reference_refused",
        "restore_failed",
        "resumptions_missed",
        "scan_failed",
        "status_failed",
        "topics_refused",
        "topics_unanswered",
        "unrecorded",
        "unseen_flat_files",
    },
)


def scan_histogram() -> Histogram:
    """The seconds of each scan, those that fail too."""
    return Histogram(f"{PREFIX}feed_scan_seconds", "seconds of a scan of the market", registry=None, buckets=_BUCKETS)


def feed_metrics(term: FeedTerm | None, scan_seconds: Histogram) -> Iterator[Metric]:
    """A feed's state; one that stands by (`term` is None) has no scans, nor anything live.

    Times are 0 before the first; those of the market run as it does, simulated or not.
    """
    yield gauge("feed_leader", "1 while this process leads", term is not None)
    yield from scan_seconds.collect()
    yield from _term_metrics(term) if term else ()


def _term_metrics(term: FeedTerm) -> Iterator[Metric]:
    feed, live = term.discovery, term.live
    hot = live.report()["hot"]
    yield gauge("feed_last_scan_timestamp_seconds", "when the last scan was published; 0: none yet", feed.last_scan)
    yield gauge("feed_scan_symbols", "symbols in the last scan", feed.symbols)
    text = "symbols of the last scan that are not ranked, because their data is of an earlier day"
    yield gauge("feed_scan_past_symbols", text, feed.left_out.past)
    yield gauge("feed_market_timestamp_seconds", "market time now", feed.market_time / 1000)
    liveness = feed.liveness
    states = [((state,), liveness.state == state) for state in get_args(FeedState)]
    yield gauges("feed_state", "1 for the state that the data are in", ("state",), states)
    yield gauge("feed_delayed_seconds", "by how much of market time the data are late; 0: not", liveness.behind / 1000)
    yield from stage_metrics("feed", {"exchange_to_feed": liveness.exchange})
    newest = live.bars.newest_end / 1000
    yield gauge("feed_newest_bar_timestamp_seconds", "market time at the newest bar's end; 0: none yet", newest)
    text = "requests for bars of a time that was missed, which are to be made"
    yield gauge("feed_backfill_waiting", text, term.backfill.waiting)
    yield gauge("feed_hot_symbols", "symbols that are to come live", hot["desired"])
    yield gauge("feed_hot_symbols_confirmed", "symbols whose bars the provider sends", hot["confirmed"])
