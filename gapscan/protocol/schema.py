"""The contract for machines: JSON Schemas and an AsyncAPI 3.0 document, made from the message types.

Every member of `messages.Message` appears by itself; what the types cannot say comes from `channels`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from gapscan.protocol import messages as m
from gapscan.protocol import names
from gapscan.protocol.channels import CHANNELS, HEADERS, LIST, PARAMETERS, Channel
from gapscan.protocol.field_docs import described
from gapscan.protocol.fields import FIELDS
from gapscan.protocol.names import DEFAULT
from gapscan.protocol.openapi import OPENAPI, OPENAPI_FILE
from gapscan.protocol.schema_text import tidied

CONTRACT_VERSION: Final = "1.0.0"
ASYNCAPI_FILE: Final = "asyncapi.json"
SCHEMA_DIR: Final = "schemas"

_ABOUT: Final = (
    "Ranked lists of US stocks: one snapshot, then exact, sequenced deltas. docs/protocol.md has the rules. "
    "Operations are a follower's; channels without one carry what services say to each other."
)
_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
_ROWS: Final = ("Fields", "RankedRow")
_COMPONENTS: Final = "#/components/schemas/"

Document = dict[str, Any]

# Direct get is NATS's own API; this is the part of it that followers use.
_DIRECT_REQUEST: Final[Document] = {
    "title": "DirectGetRequest",
    "description": "What to read from the stream that the subject names.",
    "type": "object",
    "oneOf": [
        {"required": ["last_by_subj"], "description": "the last message on one subject"},
        {
            "required": ["seq", "batch"],
            "description": "up to `batch` messages from the first one at or after `seq`",
        },
        {
            "required": ["multi_last"],
            "description": "the last message of each subject that matches a pattern",
        },
    ],
    "properties": {
        "last_by_subj": {"type": "string"},
        "seq": {"type": "integer", "minimum": 1},
        "batch": {"type": "integer", "minimum": 1},
        "multi_last": {"type": "array", "items": {"type": "string"}},
        "next_by_subj": {"type": "string", "description": "with `seq` and `batch`: only messages on this"},
    },
}


def message_types() -> tuple[type[m.Message], ...]:
    """Every type that the codec knows."""
    return get_args(m.Message)


def tag_of(kind: type[m.Message]) -> str:
    """The value of `type` that marks a message of this kind."""
    return str(kind.__struct_config__.tag)


def message_schema(kind: type[m.Message]) -> Document:
    """The JSON Schema of one message, complete in itself."""
    (root,), parts = msgspec.json.schema_components((kind,), ref_template="#/definitions/{name}")
    schema: Document = tidied({"$schema": _DIALECT, **root, "definitions": _described(parts)})
    return schema


def asyncapi() -> Document:
    """The AsyncAPI document of the whole contract, seen from a follower's side."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "gapscan",
            "version": CONTRACT_VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.key: _channel(channel) for channel in CHANNELS} | _direct_channels(),
        "operations": _operations(),
        "components": {
            "messages": {tag_of(kind): _message(kind) for kind in message_types()}
            | {"directGet": _direct_message(), "directGetLast": _direct_last_message()},
            "messageTraits": dict(_traits()),
            "schemas": _schemas(),
        },
    }


def documents() -> dict[str, Document]:
    """Every generated file by its path: the AsyncAPI and OpenAPI documents, and a schema for each message."""
    schemas = {f"{SCHEMA_DIR}/{tag_of(kind)}.schema.json": message_schema(kind) for kind in message_types()}
    return {ASYNCAPI_FILE: asyncapi(), OPENAPI_FILE: OPENAPI, **schemas}


def as_text(document: Document) -> str:
    """The file's text."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _channel(channel: Channel) -> Document:
    used = {name: {"description": text} for name, text in PARAMETERS.items() if f"{{{name}}}" in channel.address}
    kept = {"stream": channel.stream, "bucket": channel.bucket}
    return {
        "address": channel.address,
        "summary": channel.summary,
        "messages": {tag_of(kind): _carried(channel, kind) for kind in channel.carries},
        **({"parameters": used} if used else {}),
        **({"x-jetstream": {key: name for key, name in kept.items() if name}} if channel.stream else {}),
    }


def _carried(channel: Channel, kind: type[m.Message]) -> Document:
    """The message as this channel carries it: a reference, or the message with the channel's headers."""
    if not channel.headers:
        return {"$ref": f"#/components/messages/{tag_of(kind)}"}
    return {**_message(kind), "traits": [{"$ref": f"#/components/messageTraits/{channel.key}"}]}


def _traits() -> Iterator[tuple[str, Document]]:
    for channel in CHANNELS:
        if channel.headers:
            headers = {name: {"type": "string", "description": HEADERS[name]} for name in channel.headers}
            yield channel.key, {"headers": {"type": "object", "properties": headers}}


def _message(kind: type[m.Message]) -> Document:
    return {
        "name": tag_of(kind),
        "title": kind.__name__,
        "summary": inspect.cleandoc(kind.__doc__ or "").splitlines()[0],
        "payload": {"$ref": _COMPONENTS + kind.__name__},
    }


def _direct_message() -> Document:
    payload = {"$ref": _COMPONENTS + "DirectGetRequest"}
    return {"name": "directGet", "title": "DirectGetRequest", "payload": payload}


def _direct_last_message() -> Document:
    return {
        "name": "directGetLast",
        "title": "DirectGetLast",
        "summary": "Has no payload: the subject says what is asked for.",
        "contentType": "application/octet-stream",
    }


def _direct_channels() -> Document:
    """The requests of a follower, and the inbox that the answers come to."""
    snapshots = names.bucket_stream(DEFAULT.bucket_snapshots)
    last = names.direct_get_subject(snapshots, names.key_subject(DEFAULT.bucket_snapshots, LIST))
    requests = {
        key: {
            "address": address,
            "messages": {message: {"$ref": f"#/components/messages/{message}"}},
            "parameters": {"list": {"description": PARAMETERS["list"]}},
        }
        for key, address, message in (
            ("getSnapshot", last, "directGetLast"),
            ("getDeltas", names.direct_get_subject(DEFAULT.list_stream(LIST)), "directGet"),
        )
    }
    requests["getPast"] = {
        "address": names.direct_get_subject(DEFAULT.stream_tape),
        "messages": {"directGet": {"$ref": "#/components/messages/directGet"}},
    }
    tags = ("snapshot", "delta", "unchanged", "gap", "moves")
    inbox = {tag: {"$ref": f"#/components/messages/{tag}"} for tag in tags}
    return {
        **requests,
        "inbox": {"address": None, "summary": "the request's reply subject", "messages": inbox},
    }


def _operations() -> Document:
    return {
        "receiveDeltas": _operation("receive", "live", "Apply deltas as they are stored.", "delta"),
        "consumeAlerts": _operation("receive", "alerts", "Tell somebody, each thing once.", "alert"),
        "consumeEvents": _operation("receive", "events", "Act on what happens, each thing once.", "event"),
        "receiveHeartbeats": _operation("receive", "heartbeat", "Notice silence and lost deltas.", "heartbeat"),
        "readSnapshot": _request("getSnapshot", "directGetLast", "Take the whole list.", "snapshot"),
        "readDeltas": _request("getDeltas", "directGet", "Fetch missing deltas by sequence, many at a time.", "delta"),
        "readPast": _request("getPast", "directGet", "Read what a list was.", "snapshot", "unchanged", "delta", "gap"),
    }


def _operation(action: str, channel: str, summary: str, message: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }


def _request(channel: str, question: str, summary: str, *answers: str) -> Document:
    reply = {
        "channel": {"$ref": "#/channels/inbox"},
        "messages": [{"$ref": f"#/channels/inbox/messages/{answer}"} for answer in answers],
    }
    return {**_operation("send", channel, summary, question), "reply": reply}


def _schemas() -> Document:
    _, parts = msgspec.json.schema_components(message_types(), ref_template=_COMPONENTS + "{name}")
    schemas: Document = tidied(_described(parts))
    return schemas | {"DirectGetRequest": _DIRECT_REQUEST}


def _described(parts: Mapping[str, Document]) -> Document:
    """The parts in order; the fields of a row with what the field table says of them."""
    for name in _ROWS:
        for field, schema in parts.get(name, {}).get("properties", {}).items():
            if field in FIELDS:
                schema["description"] = described(FIELDS[field])
    return dict(sorted(parts.items()))
