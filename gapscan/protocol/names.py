"""Every subject, stream, bucket and header name of the protocol, said once."""

from __future__ import annotations

import re
from typing import Final

from gapscan.errors import ConfigError

PREFIX: Final = "gapscan"
# No dots, hyphens or underscores, so that no name of one set can be one of a set with a longer prefix.
_PREFIX: Final = re.compile(r"[a-z][a-z0-9]{0,31}")
LIST_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
HOT_KEY: Final = "hot"  # the one key of the hot bucket

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


def check_prefix(prefix: str) -> str:
    """Return `prefix`, or raise ConfigError when names cannot begin with it."""
    if _PREFIX.fullmatch(prefix) is None:
        raise ConfigError(
            f"{prefix!r} cannot be a prefix of names in NATS",
            remedy="use a lower-case letter, then up to 31 of a-z and 0-9",
        )
    return prefix


class Names:
    """The subjects, streams and buckets of one set of services: what they begin with lets several live in one account.

    Raises ConfigError for a prefix that cannot be one.
    """

    def __init__(self, prefix: str = PREFIX) -> None:
        self.prefix = check_prefix(prefix)
        self.feed_universe = f"{prefix}.feed.universe"
        self.feed_reference = f"{prefix}.feed.reference"
        self.feed_curves = f"{prefix}.feed.curves"
        self.feed_bars = f"{prefix}.feed.bars"
        self.feed_trades = f"{prefix}.feed.trades"
        self.feed_past = f"{prefix}.feed.past"
        self.feed_halts = f"{prefix}.feed.halts"
        self.feed_clock = f"{prefix}.feed.clock"
        self.feed_command = f"{prefix}.feed.command"
        self.ranked = f"{prefix}.ranked"
        self.state = f"{prefix}.state"
        self.why = f"{prefix}.why"
        self.preview = f"{prefix}.preview"
        self.bars = f"{prefix}.bars"
        self.tape = f"{prefix}.tape"
        self.tape_moves = f"{prefix}.moves"
        self.live = f"{prefix}.live"

        capitals = prefix.upper()
        self.stream_universe = f"{capitals}_FEED_UNIVERSE"
        self.stream_reference = f"{capitals}_FEED_REFERENCE"
        self.stream_curves = f"{capitals}_FEED_CURVES"
        self.stream_halts = f"{capitals}_FEED_HALTS"
        self.stream_commands = f"{capitals}_FEED_COMMANDS"
        self.stream_state = f"{capitals}_STATE"
        self.stream_events = f"{capitals}_EVENTS"
        self.stream_alerts = f"{capitals}_ALERTS"
        self.stream_events_copy = f"{capitals}_EVENTS_COPY"
        self.stream_alerts_copy = f"{capitals}_ALERTS_COPY"
        self.stream_list_prefix = f"{capitals}_LIST_"
        self.stream_trial_prefix = f"{capitals}_TRIAL_"
        # The past of all lists: the real market's, and apart from it the simulated one's.
        self.stream_tape = f"{capitals}_TAPE"
        self.stream_tape_simulated = f"{capitals}_TAPE_SIMULATED"

        self.bucket_snapshots = f"{prefix}-snapshots"
        self.bucket_lists = f"{prefix}-lists"
        self.bucket_hot = f"{prefix}-hot"
        self.bucket_leases = f"{prefix}-leases"
        self.bucket_details = f"{prefix}-details"
        self.bucket_news = f"{prefix}-news"
        self.bucket_state = f"{prefix}-state"
        self.bucket_events = f"{prefix}-events"
        self.bucket_alerts = f"{prefix}-alerts"
        self.bucket_channels = f"{prefix}-channels"

        # Between the services' account and that of programs, which has the copies; as nats/accounts.conf has it.
        self.copies_api = f"{prefix}.copies"  # in the services' account: the streams of the other one
        self.origin_api = f"{prefix}.origin"  # in that of programs: consumers of the services' streams, for the server
        self.copied = f"{prefix}.copied"  # what these deliver on its way

    def service(self, name: str) -> str:
        """What a service is called as a micro service, and its link in the server's monitoring."""
        return f"{self.prefix}-{name}"

    def list_stream(self, name: str) -> str:
        """The JetStream stream that holds the deltas of list `name`."""
        return f"{self.stream_list_prefix}{name}"

    def delta_subject(self, name: str) -> str:
        """Where the ranker publishes; only the stream listens here."""
        return f"{self.prefix}.list.{name}.delta"

    def live_subject(self, name: str) -> str:
        """Where the server republishes each stored delta; followers listen here."""
        return f"{self.live}.{name}"

    def heartbeat_subject(self, name: str) -> str:
        """Where the ranker says once a second that list `name` is alive."""
        return f"{self.live}.{name}.heartbeat"

    def event_subject(self, name: str, kind: str) -> str:
        """Where the events of one kind of list `name` are stored."""
        return f"{self.prefix}.event.{name}.{kind}"

    def alert_subject(self, name: str) -> str:
        """Where what alert `name` says is stored."""
        return f"{self.prefix}.alert.{name}"

    def status_subject(self, service: str) -> str:
        """Where one instance of `service` answers with what it reports of itself."""
        return f"{self.prefix}.status.{service}"

    def trial_subject(self, name: str) -> str:
        """Where a NATS is tried, before anything runs there."""
        return f"{self.prefix}.trial.{name}"

    def simulated_subject(self, subject: str) -> str:
        """Where the simulated market's tape has what the real one's has on `subject`."""
        return f"{self.prefix}.simulated{subject.removeprefix(self.prefix)}"


DEFAULT: Final = Names()


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
