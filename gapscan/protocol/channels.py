"""Which subject carries which message, with which headers, and which stream or bucket keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gapscan.protocol import messages as m
from gapscan.protocol import names
from gapscan.protocol.names import DEFAULT

LIST: Final = "{list}"

HEADERS: Final = {
    names.HEADER_SEQUENCE: "the delta's sequence: its place in the list's stream",
    names.HEADER_LAST_SEQUENCE: "the sequence before it on this subject",
    names.HEADER_TIME: "when the server stored it, RFC 3339",
    names.HEADER_MSG_ID: "the publisher's id; a repeated one is stored once",
    names.HEADER_EXPECTED_SEQUENCE: "the sequence that the stream must end with, else the publish is refused",
    names.HEADER_EXPECTED_SUBJECT_SEQUENCE: "the revision that the key must have, else the put is refused",
    names.HEADER_TTL: "seconds after which the value vanishes",
    names.HEADER_NUMBER: "counts all that is recorded of the list",
    names.HEADER_PREVIOUS_HASH: "hash of what was recorded of the list before this",
    names.HEADER_HASH: "SHA-256 of the previous hash, the number, the subject and the payload",
    names.HEADER_KV_OPERATION: "PURGE: the key is gone; the message has no payload",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One address: what it carries, with which headers, and what keeps it."""

    key: str
    address: str
    summary: str
    carries: tuple[type[m.Message], ...]
    headers: tuple[str, ...] = ()
    stream: str = ""
    bucket: str = ""


def _bucket(key: str, bucket: str, entry: str, summary: str, carries: type[m.Message], *more: str) -> Channel:
    headers = (names.HEADER_SEQUENCE, names.HEADER_TIME, names.HEADER_EXPECTED_SUBJECT_SEQUENCE, *more)
    address, stream = names.key_subject(bucket, entry), names.bucket_stream(bucket)
    return Channel(key, address, summary, (carries,), headers, stream, bucket)


_RECORDED: Final = (names.HEADER_NUMBER, names.HEADER_PREVIOUS_HASH, names.HEADER_HASH, names.HEADER_EXPECTED_SEQUENCE)

TAPE_CHANNELS: Final = (
    Channel(
        "tape",
        f"{DEFAULT.tape}.{LIST}.{{day}}.{{minute}}",
        "What a list was in a minute: at its beginning, then its deltas, folded by the second.",
        (m.Snapshot, m.Unchanged, m.Delta, m.Gap),
        _RECORDED,
        DEFAULT.stream_tape,
    ),
    Channel(
        "moves",
        f"{DEFAULT.tape_moves}.{LIST}.{{day}}",
        "Who came into a list and who left it on a day, and what is not known of it.",
        (m.Moves, m.Gap),
        _RECORDED,
        DEFAULT.stream_tape,
    ),
)

CHANNELS: Final = (
    Channel(
        "live",
        DEFAULT.live_subject(LIST),
        "The deltas of a list, republished by the server when they are stored. Followers subscribe to this.",
        (m.Delta,),
        (names.HEADER_SEQUENCE, names.HEADER_LAST_SEQUENCE, names.HEADER_TIME, names.HEADER_MSG_ID),
    ),
    Channel(
        "heartbeat",
        DEFAULT.heartbeat_subject(LIST),
        "Once a second while the list has a writer; kept nowhere.",
        (m.Heartbeat,),
    ),
    Channel(
        "delta",
        DEFAULT.delta_subject(LIST),
        "Where the list's one writer publishes. Only the stream listens here: refused publishes show too.",
        (m.Delta,),
        (names.HEADER_EXPECTED_SEQUENCE, names.HEADER_MSG_ID),
        DEFAULT.list_stream(LIST),
    ),
    _bucket(
        "snapshots",
        DEFAULT.bucket_snapshots,
        LIST,
        "The whole list at one sequence, at most about a second behind its deltas.",
        m.Snapshot,
    ),
    _bucket(
        "lists",
        DEFAULT.bucket_lists,
        LIST,
        "What each list is; without a payload: it is removed.",
        m.ListDefinition,
        names.HEADER_KV_OPERATION,
    ),
    _bucket("hot", DEFAULT.bucket_hot, names.HOT_KEY, "The symbols worth live data, as a whole.", m.HotSet),
    _bucket(
        "details",
        DEFAULT.bucket_details,
        "{symbol}",
        "What the provider knows of a symbol that was in a list: size of the company, shares, sector.",
        m.Detail,
    ),
    _bucket(
        "news", DEFAULT.bucket_news, "{symbol}", "The newest headlines of a symbol, and how many there are.", m.News
    ),
    _bucket("leases", DEFAULT.bucket_leases, "{job}", "Who does a job of which there is one.", m.Lease),
    Channel(
        "why",
        DEFAULT.why,
        "Requests to the leading ranker: why a symbol is in a list or not, or who nearly is. The answer goes to the "
        "reply subject.",
        (m.WhyRequest, m.Why, m.NearRequest, m.Near),
    ),
    Channel(
        "preview",
        DEFAULT.preview,
        "Requests to the leading ranker: what a list would have that nobody has added. The answer goes to the reply "
        "subject.",
        (m.PreviewRequest, m.Preview),
    ),
    Channel(
        "symbol_bars",
        DEFAULT.bars,
        "Requests to the leading feed: a symbol's minute bars of the trading day. The answer goes to the reply "
        "subject.",
        (m.BarsRequest, m.SymbolBars),
    ),
    Channel(
        "events",
        DEFAULT.event_subject(LIST, "{kind}"),
        "What the deltas mean: symbols that enter and leave, that halt and resume; stored once each, for days.",
        (m.Event, m.EventGap),
        (names.HEADER_MSG_ID, names.HEADER_EXPECTED_SEQUENCE),
        DEFAULT.stream_events,
    ),
    Channel(
        "alerts",
        DEFAULT.alert_subject("{alert}"),
        "What alerts said: once for each time that one came true for a symbol; kept for days.",
        (m.Alert,),
        (names.HEADER_MSG_ID, names.HEADER_EXPECTED_SEQUENCE),
        DEFAULT.stream_alerts,
    ),
    _bucket("channel_states", DEFAULT.bucket_channels, "{channel}", "How far a channel delivered.", m.ChannelState),
    _bucket("alert_definitions", DEFAULT.bucket_alerts, "{alert}", "What to tell of, and when.", m.AlertDefinition),
    _bucket(
        "event_positions", DEFAULT.bucket_events, LIST, "How far a list's deltas were made events of.", m.EventPosition
    ),
    Channel(
        "universe",
        DEFAULT.feed_universe,
        "Scans of the whole market, from the feed to the ranker.",
        (m.UniverseFrame,),
        stream=DEFAULT.stream_universe,
    ),
    Channel(
        "reference",
        DEFAULT.feed_reference,
        "What is known about the symbols for a day, from the feed to the ranker.",
        (m.ReferenceFrame,),
        stream=DEFAULT.stream_reference,
    ),
    Channel(
        "curves",
        DEFAULT.feed_curves,
        "How much volume has usually traded by which time of the day; published once a day, in parts.",
        (m.VolumeCurves,),
        stream=DEFAULT.stream_curves,
    ),
    Channel("bars", DEFAULT.feed_bars, "Bars of hot symbols, as they come; kept nowhere.", (m.Bars,)),
    Channel("trades", DEFAULT.feed_trades, "Last trades of hot symbols, as they come; kept nowhere.", (m.Trades,)),
    Channel(
        "past_bars",
        DEFAULT.feed_past,
        "Bars of a symbol of which the feed heard nothing at their time; kept nowhere.",
        (m.PastBars,),
    ),
    Channel(
        "halts",
        DEFAULT.feed_halts,
        "All symbols that halted today, whenever one of them changes; the last message is the whole state.",
        (m.Halts,),
        stream=DEFAULT.stream_halts,
    ),
    Channel("ranked", DEFAULT.ranked, "That a scan of a simulated market is ranked; kept nowhere.", (m.Ranked,)),
    Channel(
        "clock", DEFAULT.feed_clock, "Market time, once a second while the feed has data; kept nowhere.", (m.Clock,)
    ),
    Channel(
        "state",
        DEFAULT.state,
        "What a ranker has learned of the day since it last saved that, for whoever ranks next.",
        (m.SavedState,),
        stream=DEFAULT.stream_state,
    ),
    _bucket("state_whole", DEFAULT.bucket_state, "{part}", "All that a ranker knows of the day.", m.SavedState),
    Channel(
        "commands",
        DEFAULT.feed_command,
        "What the feed is to subscribe to: the deltas of the hot set.",
        (m.FeedCommand,),
        (names.HEADER_EXPECTED_SEQUENCE, names.HEADER_MSG_ID),
        DEFAULT.stream_commands,
    ),
    *TAPE_CHANNELS,
)

PARAMETERS: Final = {
    "day": "UTC date of market time, YYYYMMDD",
    "minute": "UTC time of day of market time, HHMM",
    "list": "name of a list: a lower-case letter, then up to 47 of a-z, 0-9 and _",
    "job": "name of the job",
    "symbol": "case-sensitive ticker symbol",
    "part": "number of the part",
    "channel": "name of a channel, made as a list's",
    "alert": "name of an alert, made as a list's",
    "kind": "enter, leave, first, halted, resumed or gap; others may come",
}
