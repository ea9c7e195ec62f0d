"""Every subject, stream, bucket and header name of the protocol, said once."""

from __future__ import annotations

import re
from typing import Final

from gapscan.errors import ConfigError

PREFIX: Final = "gapscan"
LIST_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")

FEED_UNIVERSE: Final = f"{PREFIX}.feed.universe"
FEED_REFERENCE: Final = f"{PREFIX}.feed.reference"
FEED_CURVES: Final = f"{PREFIX}.feed.curves"
FEED_BARS: Final = f"{PREFIX}.feed.bars"
FEED_TRADES: Final = f"{PREFIX}.feed.trades"
FEED_HALTS: Final = f"{PREFIX}.feed.halts"
FEED_CLOCK: Final = f"{PREFIX}.feed.clock"
FEED_COMMAND: Final = f"{PREFIX}.feed.command"

RANKED: Final = f"{PREFIX}.ranked"
STATE: Final = f"{PREFIX}.state"
WHY: Final = f"{PREFIX}.why"

STREAM_UNIVERSE: Final = "GAPSCAN_FEED_UNIVERSE"
STREAM_REFERENCE: Final = "GAPSCAN_FEED_REFERENCE"
STREAM_CURVES: Final = "GAPSCAN_FEED_CURVES"
STREAM_HALTS: Final = "GAPSCAN_FEED_HALTS"
STREAM_COMMANDS: Final = "GAPSCAN_FEED_COMMANDS"
STREAM_STATE: Final = "GAPSCAN_STATE"
STREAM_EVENTS: Final = "GAPSCAN_EVENTS"
STREAM_ALERTS: Final = "GAPSCAN_ALERTS"
STREAM_EVENTS_COPY: Final = "GAPSCAN_EVENTS_COPY"
STREAM_ALERTS_COPY: Final = "GAPSCAN_ALERTS_COPY"
STREAM_LIST_PREFIX: Final = "GAPSCAN_LIST_"

# The past of all lists: the real market's, and apart from it the simulated one's.
STREAM_TAPE: Final = "GAPSCAN_TAPE"
STREAM_TAPE_SIMULATED: Final = "GAPSCAN_TAPE_SIMULATED"
SIMULATED: Final = f"{PREFIX}.simulated"
TAPE: Final = f"{PREFIX}.tape"
TAPE_MOVES: Final = f"{PREFIX}.moves"

BUCKET_SNAPSHOTS: Final = "gapscan-snapshots"
BUCKET_LISTS: Final = "gapscan-lists"
BUCKET_HOT: Final = "gapscan-hot"
HOT_KEY: Final = "hot"  # the one key of the hot bucket
BUCKET_LEASES: Final = "gapscan-leases"
BUCKET_DETAILS: Final = "gapscan-details"
BUCKET_STATE: Final = "gapscan-state"
BUCKET_EVENTS: Final = "gapscan-events"
BUCKET_ALERTS: Final = "gapscan-alerts"
BUCKET_CHANNELS: Final = "gapscan-channels"

# Between the services' account and that of programs, which has the copies; as nats/accounts.conf has it.
COPIES_API: Final = f"{PREFIX}.copies"  # in the services' account: the streams of the other one
ORIGIN_API: Final = f"{PREFIX}.origin"  # in that of programs: consumers of the services' streams, for the server alone
COPIED: Final = f"{PREFIX}.copied"  # what these deliver on its way

SERVICE_PREFIX: Final = "gapscan-"

# Set by the server on every republished delta, and on what direct get answers.
HEADER_SUBJECT: Final = "Nats-Subject"
HEADER_SEQUENCE: Final = "Nats-Sequence"
HEADER_LAST_SEQUENCE: Final = "Nats-Last-Sequence"
HEADER_TIME: Final = "Nats-Time-Stamp"
# Set by the server on what a stream has from another one: name, sequence, and more, with blanks between.
HEADER_SOURCE: Final = "Nats-Stream-Source"
# Set by the publisher.
HEADER_MSG_ID: Final = "Nats-Msg-Id"
HEADER_EXPECTED_SEQUENCE: Final = "Nats-Expected-Last-Sequence"
HEADER_EXPECTED_SUBJECT_SEQUENCE: Final = "Nats-Expected-Last-Subject-Sequence"
HEADER_TTL: Final = "Nats-TTL"
# Set by the recorder on what is on the tape.
HEADER_NUMBER: Final = "Gapscan-Number"
HEADER_PREVIOUS_HASH: Final = "Gapscan-Previous-Hash"
HEADER_HASH: Final = "Gapscan-Hash"
HEADER_KV_OPERATION: Final = "KV-Operation"  # says that the key is gone


def check_list_name(name: str) -> str:
    """Return `name`, or raise ConfigError when it cannot name a list."""
    if LIST_NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} cannot name a list",
            remedy="use a lower-case letter, then up to 47 of a-z, 0-9 and _",
        )
    return name


def list_stream(name: str) -> str:
    """The JetStream stream that holds the deltas of list `name`."""
    return f"{STREAM_LIST_PREFIX}{name}"


def delta_subject(name: str) -> str:
    """Where the ranker publishes; only the stream listens here."""
    return f"{PREFIX}.list.{name}.delta"


def live_subject(name: str) -> str:
    """Where the server republishes each stored delta; followers listen here."""
    return f"{PREFIX}.live.{name}"


def heartbeat_subject(name: str) -> str:
    """Where the ranker says once a second that list `name` is alive."""
    return f"{PREFIX}.live.{name}.heartbeat"


def event_subject(name: str, kind: str) -> str:
    """Where the events of one kind of list `name` are stored."""
    return f"{PREFIX}.event.{name}.{kind}"


def alert_subject(name: str) -> str:
    """Where what alert `name` says is stored."""
    return f"{PREFIX}.alert.{name}"


def status_subject(service: str) -> str:
    """Where one instance of `service` answers with what it reports of itself."""
    return f"{PREFIX}.status.{service}"


def bucket_stream(bucket: str) -> str:
    """The stream that a key-value bucket is."""
    return f"KV_{bucket}"


def key_subject(bucket: str, key: str = ">") -> str:
    """The subject of a key in a bucket's stream; without `key`, the pattern of all of them."""
    return f"$KV.{bucket}.{key}"


def key_of(bucket: str, subject: str) -> str:
    """The key that `subject` is of."""
    return subject.removeprefix(key_subject(bucket, ""))


def direct_get_subject(stream: str, subject: str = "") -> str:
    """Where the server answers requests for what `stream` holds; with `subject`, for the last message on that."""
    return f"$JS.API.DIRECT.GET.{stream}.{subject}" if subject else f"$JS.API.DIRECT.GET.{stream}"
