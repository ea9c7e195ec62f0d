"""The streams and buckets that gapscan lives in: created when missing, refused when they disagree.

Everything is idempotent. Limits (age, bytes) and the number of replicas are the operator's to change; what the
protocol stands on (subjects, republish, direct access ...) is not.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from nats.js import api
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from gapscan.bus.capacity import add_fitting, remedy_of
from gapscan.bus.client import NATS_ERRORS, REQUEST_SECONDS, Bus, translated
from gapscan.config import NatsSection
from gapscan.errors import BusError, TopologyError
from gapscan.protocol import names
from gapscan.protocol.names import Names

EPOCH_KEY: Final = "gapscan-epoch"
_EPOCH_ALPHABET: Final = string.ascii_lowercase + string.digits
_SECONDS: Final = 1.0
_STATE_SECONDS: Final = 420.0
_DUPLICATE_WINDOW: Final = 120 * _SECONDS
KEPT: Final = 64  # messages in a stream of the feed, where messages may be as large as usual
# Two scans and more, in parts. To drop the oldest message NATS reads the whole block that it lies in: the fewer are
# kept, the more of them lie in the newest block, which is in memory anyway. With this limit of bytes a block has 4 MB,
# with none 8.
_KEPT_OF_SCANS: Final = 16
_BYTES_OF_SCANS: Final = 16 * 1024 * 1024

# What must be as gapscan sets it, by the stream configuration's own names.
_BINDING: Final = (
    "subjects", "retention", "storage", "discard", "max_msgs_per_subject", "allow_direct", "republish",
    "allow_msg_ttl", "subject_delete_marker_ttl",
)  # fmt: skip


_DEFAULTS: Final = NatsSection()


@dataclass(frozen=True)
class Retention:
    """How much of a list's past is kept for followers that fill holes: by default, what the settings have."""

    max_age_seconds: float = _DEFAULTS.delta_max_age
    max_bytes: int = _DEFAULTS.delta_max_bytes
    replicas: int = _DEFAULTS.replicas
    state_bytes: int = _DEFAULTS.state_max_bytes
    events_max_age: float = _DEFAULTS.events_max_age
    events_bytes: int = _DEFAULTS.events_max_bytes


def planned_bytes(retention: Retention, lists: int = 20) -> int:
    """What the streams with a limit reserve, with so many lists."""
    return retention.state_bytes + 2 * retention.events_bytes + _BYTES_OF_SCANS + (lists + 1) * retention.max_bytes


def new_epoch() -> str:
    """A name for a new incarnation of a list's stream."""
    return "".join(secrets.choice(_EPOCH_ALPHABET) for _ in range(6))


def _history(stream: str, subject: str, retention: Retention, live: str | None = None) -> api.StreamConfig:
    """A stream of one subject, so that sequences are contiguous: the deltas of something, kept for whoever was away.

    What is stored is republished on subject `live`, if one is given.
    """
    return api.StreamConfig(
        name=stream,
        subjects=[subject],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.OLD,
        max_age=retention.max_age_seconds,
        max_bytes=retention.max_bytes,
        num_replicas=retention.replicas,
        duplicate_window=min(_DUPLICATE_WINDOW, retention.max_age_seconds),
        allow_direct=True,
        republish=api.RePublish(src=subject, dest=live) if live else None,
    )


def list_config(named: Names, name: str, retention: Retention) -> api.StreamConfig:
    """The stream of one list's deltas, republished when stored. Those that grow old, its writer drops."""
    config = _history(named.list_stream(name), named.delta_subject(name), retention, named.live_subject(name))
    config.max_age = None
    return config


def commands_config(named: Names, retention: Retention) -> api.StreamConfig:
    """The subscription commands: the deltas of the hot set."""
    return _history(named.stream_commands, named.feed_command, retention)


def state_config(named: Names, retention: Retention) -> api.StreamConfig:
    """The steps of what a ranker saves: longer than the five minutes that it looks back."""
    kept = Retention(_STATE_SECONDS, retention.state_bytes, retention.replicas)
    return _history(named.stream_state, named.state, kept)


def events_config(stream: str, subject: str, retention: Retention) -> api.StreamConfig:
    """What happened in all lists, or was told of it, for days.

    Ids are known for longer than a delta can be read, and made events again.

    At the end of an age that is shorter than that, who makes them again stores them again.
    """
    return api.StreamConfig(
        name=stream,
        subjects=[subject],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.OLD,
        compression=api.StoreCompression.S2,
        max_age=retention.events_max_age,
        max_bytes=retention.events_bytes,
        num_replicas=retention.replicas,
        duplicate_window=min(retention.max_age_seconds + _DUPLICATE_WINDOW, retention.events_max_age),
        allow_direct=True,
    )


def feed_config(stream: str, subject: str, retention: Retention) -> api.StreamConfig:
    """A stream that keeps the last messages, so that a ranker that starts need not wait for the next."""
    return api.StreamConfig(
        name=stream,
        subjects=[subject],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.OLD,
        max_msgs=KEPT,
        num_replicas=retention.replicas,
        allow_direct=True,
    )


def scans_config(named: Names, retention: Retention) -> api.StreamConfig:
    """The feed's stream of scans: large messages, all the time."""
    config = feed_config(named.stream_universe, named.feed_universe, retention)
    config.max_msgs, config.max_bytes = _KEPT_OF_SCANS, _BYTES_OF_SCANS
    return config


def bucket_config(bucket: str, retention: Retention) -> api.StreamConfig:
    """A key-value bucket: one value a key, readable by direct get, no markers that use up sequences."""
    return api.StreamConfig(
        name=names.bucket_stream(bucket),
        subjects=[names.key_subject(bucket)],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.NEW,
        max_msgs_per_subject=1,
        num_replicas=retention.replicas,
        allow_direct=True,
        allow_rollup_hdrs=True,
        deny_delete=True,
        allow_msg_ttl=True,
    )


async def ensure(bus: Bus, wanted: api.StreamConfig) -> api.StreamInfo:
    """The stream as it is, created if missing. Raises TopologyError when a binding setting differs."""
    return (await ensured(bus, wanted))[0]


async def ensured(bus: Bus, wanted: api.StreamConfig) -> tuple[api.StreamInfo, bool]:
    """As `ensure`, and whether the stream was missing."""
    name = wanted.name or ""
    try:
        found = await _info_or_none(bus, name)
        info = found or await add_fitting(bus, wanted)
    except ServiceUnavailableError as error:  # such as a cluster that is choosing a leader
        raise translated(error, f"setting up stream {name}") from error
    except APIError as error:
        raise TopologyError(f"stream {name} cannot be created: {error.description}", remedy=remedy_of(error)) from error
    except NATS_ERRORS as error:
        raise translated(error, f"setting up stream {name}") from error
    _check(wanted, info.config)
    return info, found is None


async def _info_or_none(bus: Bus, name: str) -> api.StreamInfo | None:
    try:
        return await bus.js.stream_info(name)
    except NotFoundError:
        return None


def _check(wanted: api.StreamConfig, found: api.StreamConfig) -> None:
    for setting in _BINDING:
        mine, theirs = getattr(wanted, setting), getattr(found, setting)
        if (mine or None) != (theirs or None) and not (setting == "max_msgs_per_subject" and mine == theirs):
            raise TopologyError(
                f"stream {wanted.name} exists with {setting} = {_plain(theirs)}, gapscan needs {_plain(mine)}",
                remedy="delete that stream, or use another NATS account",
            )


def _plain(value: object) -> str:
    if isinstance(value, api.RePublish):
        return f"{value.src} -> {value.dest}"
    return str(getattr(value, "value", value))


async def ensure_list(bus: Bus, name: str, retention: Retention) -> api.StreamInfo:
    """The stream of list `name`; a new one is given an epoch of its own."""
    wanted = list_config(bus.names, name, retention)
    wanted.metadata = {EPOCH_KEY: new_epoch()}
    info = await ensure(bus, wanted)
    if info.config.max_age == retention.max_age_seconds:  # by an earlier version, which had the server drop old deltas
        info.config.max_age = None
        await _update(bus, info.config, "lifting the limit of age of")
    return info


async def change_epoch(bus: Bus, info: api.StreamInfo) -> str:
    """Give an existing list's stream a new epoch, and return it."""
    epoch = new_epoch()
    info.config.metadata = {**(info.config.metadata or {}), EPOCH_KEY: epoch}
    await _update(bus, info.config, "changing the epoch of")
    return epoch


async def _update(bus: Bus, config: api.StreamConfig, doing: str) -> None:
    try:
        await bus.js.update_stream(config)
    except NATS_ERRORS as error:
        raise translated(error, f"{doing} {config.name}") from error


def epoch_of(info: api.StreamInfo) -> str | None:
    """The epoch that the stream was given."""
    return (info.config.metadata or {}).get(EPOCH_KEY)


async def list_names(bus: Bus) -> set[str]:
    """The names of all lists that have a stream. Raises BusError."""
    found: set[str] = set()
    while True:
        page = await _stream_names(bus, bus.names.delta_subject("*"), len(found))
        if not set(page) - found:
            prefix = bus.names.stream_list_prefix
            return {name.removeprefix(prefix) for name in found if name.startswith(prefix)}
        found.update(page)


async def _stream_names(bus: Bus, subject: str, offset: int) -> list[str]:
    """One page of the names of the streams that listen on `subject`."""
    query = msgspec.json.encode({"subject": subject, "offset": offset})
    try:
        answer = await bus.nc.request(f"{bus.api_prefix}.STREAM.NAMES", query, timeout=REQUEST_SECONDS)
    except NATS_ERRORS as error:
        raise translated(error, "looking for lists") from error
    found = msgspec.json.decode(answer.data)
    refused = found.get("error")  # such as a cluster that is choosing a leader: that tells of no stream
    if refused:
        raise BusError(f"NATS failed while looking for lists: {refused.get('description', refused)}")
    return found.get("streams") or []


def shared(named: Names, retention: Retention) -> Iterator[api.StreamConfig]:
    """What all lists share: the feed's streams, the hot set's and the saved state's, and all buckets."""
    yield scans_config(named, retention)
    for stream, subject in (
        (named.stream_reference, named.feed_reference),
        (named.stream_curves, named.feed_curves),
        (named.stream_halts, named.feed_halts),
    ):
        yield feed_config(stream, subject, retention)
    yield commands_config(named, retention)
    yield state_config(named, retention)
    yield events_config(named.stream_events, named.event_subject("*", "*"), retention)
    yield events_config(named.stream_alerts, named.alert_subject("*"), retention)
    for bucket in (
        named.bucket_snapshots, named.bucket_lists, named.bucket_hot, named.bucket_leases, named.bucket_details,
        named.bucket_news, named.bucket_state, named.bucket_events, named.bucket_alerts, named.bucket_channels,
    ):  # fmt: skip
        yield bucket_config(bucket, retention)


async def ensure_shared(bus: Bus, retention: Retention) -> list[str]:
    """The feed streams and all buckets; the names of those that were missing. Raises BusError, TopologyError."""
    return [str(wanted.name) for wanted in shared(bus.names, retention) if (await ensured(bus, wanted))[1]]
