"""What one client may do."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from gapscan.config import BridgeSection

QUESTIONS: Final = 12  # that may be unanswered
PLAYS: Final = 4  # pasts that may be played for one client
AUTH_SECONDS: Final = 10.0  # to send the token
PING_AFTER: Final = 15.0  # without a word of the client
SILENT_AFTER: Final = 30.0
BUFFER_BYTES: Final = 32 * 1024  # unsent for one client; nothing more is written while there is as much
BURST_SECONDS: Final = 3.0  # of messages at the highest rate may come at once
LEAST_AT: Final = 32 * 1024  # bytes that a list at a time costs at least: more is read for it than it says ...
LEAST_TIMELINE: Final = 8 * 1024  # ... and a day at a glance, of which only what is new is read
ANSWER_BYTES: Final = 8 * 1024 * 1024  # of answers to `subscribe` and `resync` one client may have at once ...
ANSWER_BYTES_PER_SECOND: Final = 256 * 1024  # ... and so many more each second
GUESSES: Final = 10  # wrong tokens that may come from one address at once ...
GUESS_SECONDS: Final = 10.0  # ... and one more each time that so many seconds have passed
REQUESTS: Final = 200  # of the HTTP interface that may come from one address at once ...
REQUESTS_PER_SECOND: Final = 50.0  # ... and so many more each second
NEWCOMERS: Final = 1000  # connections without a request
HEADER_BYTES: Final = 65536  # in a line of a request


class Limits(Struct, frozen=True):
    """The settings' part of it. `slow_after` is how long a client may take nothing of what it is sent, in seconds."""

    clients: int
    lists: int
    plays: int
    message_bytes: int
    messages_per_second: float
    slow_after: float

    @classmethod
    def of(cls, section: BridgeSection) -> Limits:
        """Those that the settings say."""
        return cls(
            clients=section.clients,
            lists=section.lists,
            plays=section.plays,
            message_bytes=section.message_bytes,
            messages_per_second=section.messages_per_second,
            slow_after=section.slow_after,
        )
