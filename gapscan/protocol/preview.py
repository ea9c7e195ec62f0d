"""What a list would have now, before it is added: the question and its answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gapscan.protocol.lists import ListDefinition
from gapscan.protocol.values import EpochMs, SessionName, Symbols


class PreviewRequest(Struct, frozen=True, tag_field="type", tag="preview_request"):
    """Asks the leading ranker what a list of this definition would have now."""

    definition: ListDefinition
    limit: Annotated[int, Meta(ge=1, le=100, description="symbols at most")] = 20


class Preview(Struct, frozen=True, tag_field="type", tag="preview"):
    """The answer: who would come into the list at market time `as_of`, the first of them in order.

    Nobody is in it yet: no row stays by a relaxed threshold, and none settles.
    """

    as_of: EpochMs
    session: SessionName
    simulated: bool
    open: Annotated[bool, Meta(description="whether the list would be ranked in this session; counted is anyway")]
    passing: Annotated[int, Meta(ge=0, description="symbols that pass gate and conditions")]
    without_gate: Annotated[
        int, Meta(ge=0, description="symbols that pass the conditions: those beyond `passing` the gate keeps out")
    ]
    size: Annotated[int, Meta(ge=0, description="rows that it would have, by its limit")]
    symbols: Symbols
    night: Annotated[bool | UnsetType, Meta(description="true: it is night, which `session` has as closed")] = UNSET
