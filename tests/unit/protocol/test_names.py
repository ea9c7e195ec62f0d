"""What the default set's names are, which clients in any language rely on, and which prefixes there can be."""

from __future__ import annotations

import pytest

from gapscan.errors import ConfigError
from gapscan.protocol.names import DEFAULT, Names


def test_the_names_of_the_default_set() -> None:
    assert {name: value for name, value in vars(DEFAULT).items() if not name.startswith(("feed", "stream_feed"))} == {
        "prefix": "gapscan",
        "ranked": "gapscan.ranked",
        "state": "gapscan.state",
        "why": "gapscan.why",
        "preview": "gapscan.preview",
        "bars": "gapscan.bars",
        "live": "gapscan.live",
        "tape": "gapscan.tape",
        "tape_moves": "gapscan.moves",
        "stream_universe": "GAPSCAN_FEED_UNIVERSE",
        "stream_reference": "GAPSCAN_FEED_REFERENCE",
        "stream_curves": "GAPSCAN_FEED_CURVES",
        "stream_halts": "GAPSCAN_FEED_HALTS",
        "stream_commands": "GAPSCAN_FEED_COMMANDS",
        "stream_state": "GAPSCAN_STATE",
        "stream_events": "GAPSCAN_EVENTS",
        "stream_alerts": "GAPSCAN_ALERTS",
        "stream_events_copy": "GAPSCAN_EVENTS_COPY",
        "stream_alerts_copy": "GAPSCAN_ALERTS_COPY",
        "copies_api": "gapscan.copies",
        "origin_api": "gapscan.origin",
        "copied": "gapscan.copied",
        "stream_list_prefix": "GAPSCAN_LIST_",
        "stream_trial_prefix": "GAPSCAN_TRIAL_",
        "stream_tape": "GAPSCAN_TAPE",
        "stream_tape_simulated": "GAPSCAN_TAPE_SIMULATED",
        "bucket_snapshots": "gapscan-snapshots",
        "bucket_lists": "gapscan-lists",
        "bucket_hot": "gapscan-hot",
        "bucket_leases": "gapscan-leases",
        "bucket_details": "gapscan-details",
        "bucket_news": "gapscan-news",
        "bucket_state": "gapscan-state",
        "bucket_events": "gapscan-events",
        "bucket_alerts": "gapscan-alerts",
        "bucket_channels": "gapscan-channels",
    }
    words = ("universe", "reference", "curves", "bars", "trades", "halts", "clock", "command")
    assert [getattr(DEFAULT, f"feed_{word}") for word in words] == [f"gapscan.feed.{word}" for word in words]


def test_the_names_of_one_list() -> None:
    assert DEFAULT.list_stream("winners") == "GAPSCAN_LIST_winners"
    assert DEFAULT.delta_subject("winners") == "gapscan.list.winners.delta"
    assert DEFAULT.live_subject("winners") == "gapscan.live.winners"
    assert DEFAULT.heartbeat_subject("winners") == "gapscan.live.winners.heartbeat"
    assert DEFAULT.event_subject("winners", "enter") == "gapscan.event.winners.enter"
    assert DEFAULT.alert_subject("runner") == "gapscan.alert.runner"
    assert DEFAULT.status_subject("feed") == "gapscan.status.feed"
    assert DEFAULT.service("feed") == "gapscan-feed"
    assert DEFAULT.simulated_subject(DEFAULT.tape_moves) == "gapscan.simulated.moves"


def test_a_prefix_stands_for_gapscan() -> None:
    acme = Names("acme2")
    assert (acme.live_subject("winners"), acme.list_stream("winners")) == ("acme2.live.winners", "ACME2_LIST_winners")
    assert (acme.bucket_lists, acme.service("feed")) == ("acme2-lists", "acme2-feed")


@pytest.mark.parametrize(
    "prefix", ["", "Acme", "a.b", "a-b", "a_b", "2nd", "a" * 33, "a*", ">", "a b", "ä", "a\n", "$js"]
)
def test_what_can_be_no_prefix(prefix: str) -> None:
    with pytest.raises(ConfigError, match="use a lower-case letter, then up to 31 of a-z and 0-9"):
        Names(prefix)
