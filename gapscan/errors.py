"""One tree of errors. Each says what went wrong, where, what to do, and whether trying again can help.

* `GapscanError`
    * `ConfigError`: a setting, a URL or a name is wrong
        * `SpecError`: a list definition is wrong
    * `DataError`: data on disk or from the market cannot be used
    * `ProtocolError`: a message is malformed
        * `DeltaError`: a delta does not fit the rows it is applied to (retry)
    * `FeedError`: the market data provider refused or failed (retry, unless it says otherwise)
        * `NotFoundError`: the provider does not have what was asked for
        * `NotEntitledError`: the account's plan does not have it
        * `UnansweredError`: the provider did not answer at all (retry)
    * `BusError`: NATS cannot be reached, or refused a request (retry)
        * `TopologyError`: a stream or bucket has settings that gapscan cannot work with
        * `StreamLostError`: a stream that was there is gone (retry)
        * `FencedError`: another writer owns the list
    * `UnknownSymbolError`: no symbol of that name is in the market
    * `UnknownListError`: no list of that name is published
    * `NotRecordedError`: nobody recorded what a list was then

A program that follows lists meets `BusError`, `ConfigError`, `ProtocolError` and `UnknownListError`: the package
`gapscan` has these and `GapscanError`. `retry` of an error says whether trying again can help.
"""

from __future__ import annotations


class GapscanError(Exception):
    """Base of everything gapscan raises on purpose.

    `retry` tells a caller whether the same call may succeed later without anybody changing anything.
    `remedy` is one sentence for the person who has to act, or an empty string.
    """

    retry: bool = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class ConfigError(GapscanError):
    """A setting is wrong or unknown; the message names the key and the file or variable it came from."""


class SpecError(ConfigError):
    """A list definition is wrong; `column` is the 0-based place of the fault in the expression, if known."""

    def __init__(self, message: str, *, column: int | None = None, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.column = column


class DataError(GapscanError):
    """Data on disk or from the market cannot be used."""


class ProtocolError(GapscanError):
    """A message is malformed or of an unknown type."""


class DeltaError(ProtocolError):
    """A delta does not fit the rows it is applied to; the copy must be taken anew."""

    retry = True


class FeedError(GapscanError):
    """The market data provider refused or failed; `retry` is set per instance."""

    def __init__(self, message: str, *, retry: bool = True, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.retry = retry


class NotFoundError(FeedError):
    """The provider does not have what was asked for."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=False)


class NotEntitledError(FeedError):
    """The provider refuses what was asked for: the account's plan does not have it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message, retry=False, remedy=remedy)


class UnansweredError(FeedError):
    """The provider did not answer: nothing came, or no link to it."""


class BusError(GapscanError):
    """NATS cannot be reached, or refused a request."""

    retry = True


class TopologyError(BusError):
    """A stream or bucket exists with settings that gapscan cannot work with."""

    retry = False


class StreamLostError(BusError):
    """A stream that was there is gone: somebody deleted it, or the server lost its disk."""


class FencedError(BusError):
    """Another writer owns the list: its messages stand where ours were expected."""

    retry = False


class UnknownSymbolError(GapscanError):
    """No symbol of that name is in the market."""


class UnknownListError(GapscanError):
    """No list of that name is published."""


class NotRecordedError(GapscanError):
    """It is not known what a list was at a time: before the first record, after the last, or in a gap."""
