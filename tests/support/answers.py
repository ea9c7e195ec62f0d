"""What a bridge sends, read back: only tests have to, browsers have JSON.parse. And what a ranker might say of why."""

from __future__ import annotations

from typing import Final

import msgspec

from gapscan.errors import ProtocolError
from gapscan.protocol.messages import Why, WhyRequest
from gapscan.protocol.websocket import Answer

_answers: Final[msgspec.json.Decoder[Answer]] = msgspec.json.Decoder(Answer)


def decode_answer(data: bytes | str) -> Answer:
    """The message. Raises ProtocolError when it is none of the protocol's."""
    try:
        return _answers.decode(data)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ProtocolError(f"bad message of the bridge: {error}") from error


def answer_why(request: WhyRequest) -> Why:
    """What a ranker might say; there is one question that it fails on."""
    if request.symbol == "BAD":
        raise ZeroDivisionError
    return Why(request.symbol, True, 0, "closed", False, [], [], [request.list or "all"])
