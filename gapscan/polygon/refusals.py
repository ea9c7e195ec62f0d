"""How Polygon says no: by a status of HTTP, which the client raises, or by a body that came with 200."""

from __future__ import annotations

from typing import Any, Final

from gapscan.errors import FeedError, NotEntitledError, NotFoundError, UnansweredError
from gapscan.obs import masked
from gapscan.polygon import KEY_VARIABLE

_UNKNOWN_KEY: Final = ("Unknown API Key", "AUTH_ERROR")
_NOT_ENTITLED: Final = ("NOT_AUTHORIZED", "not entitled", "Not authorized")
_NOT_FOUND: Final = ("not_found", "not found", "notfound")
_GIVEN_UP: Final = "error responses"  # what the client says of statuses that it has asked again after
_SERVED: Final = ("OK", "DELAYED")  # the second is of plans that are late
_SHOWN: Final = 200  # characters of what the provider says


def translated(what: str, error: Exception) -> FeedError:
    """A client error as a FeedError that says whether trying again can help."""
    # The client names a status by its body alone; network errors have other words for what they do not find.
    of_body = type(error).__name__ == "BadResponse"
    found = _refusal(what, str(error), of_body=of_body)
    answered = of_body or _GIVEN_UP in str(error) or type(found) is not FeedError
    return found if answered else UnansweredError(found.message)


def check_served(what: str, status: Any, error: Any = None, message: Any = None) -> None:
    """Raises FeedError for the body of an answer whose `status` is not that of one with data; without one it is."""
    if status is None or str(status).upper() in _SERVED:
        return
    raise _refusal(what, f"the provider answers {status}: {error or message or 'without a reason'}", of_body=True)


def _refusal(what: str, said: str, *, of_body: bool) -> FeedError:
    text = " ".join(masked(said).split())[:_SHOWN]  # masked first: a part of the key would not be recognized
    refused = f"{what}: the provider refuses the API key: {text}"
    remedy = f"check {KEY_VARIABLE} and what its plan allows"
    if any(word in text for word in _UNKNOWN_KEY):
        return FeedError(refused, retry=False, remedy=remedy)
    if any(word in text for word in _NOT_ENTITLED):
        return NotEntitledError(refused, remedy=remedy)
    if of_body and any(word in text.lower() for word in _NOT_FOUND):
        return NotFoundError(f"{what} is unknown to the provider: {text}")
    return FeedError(f"{what} failed: {text}")
