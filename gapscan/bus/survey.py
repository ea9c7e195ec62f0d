"""Trying on a real NATS what gapscan's services need of it, and saying what is missing."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from nats.js import api
from nats.js.errors import APIError

from gapscan.bus.capacity import is_no_room, remedy_of
from gapscan.bus.client import LEAST_PAYLOAD, NATS_ERRORS, REQUEST_SECONDS, Bus
from gapscan.bus.direct_get import get_last, leader_last
from gapscan.bus.publish import store
from gapscan.bus.topology import Retention, planned_bytes
from gapscan.errors import BusError
from gapscan.protocol import names

_TRIAL_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried, and whether it is as gapscan needs it."""

    good: bool
    text: str


async def survey(bus: Bus, retention: Retention) -> AsyncIterator[Finding]:
    """Try everything. What is made for that is taken away again; nothing is changed that was there."""
    yield _server(bus)
    yield _payload(bus)
    yield await _subscribing(bus)
    account = await _account(bus)
    yield account
    if account.good:
        async for finding in _streams(bus, retention):
            yield finding


def _server(bus: Bus) -> Finding:
    link = "encrypted" if bus.nc.is_encrypted else "not encrypted"
    return Finding(True, f"nats-server {bus.nc.connected_server_version!r}, {link}")


def _payload(bus: Bus) -> Finding:
    return Finding(bus.max_payload >= LEAST_PAYLOAD, f"messages of {bus.max_payload} bytes, {LEAST_PAYLOAD} are needed")


async def _subscribing(bus: Bus) -> Finding:
    """Services publish, and hear each other, below their own subjects."""
    subject = bus.names.trial_subject(secrets.token_hex(4))
    try:
        subscription = await bus.nc.subscribe(subject)
        try:
            await bus.nc.publish(subject, b"")
            await subscription.next_msg(timeout=REQUEST_SECONDS)
        finally:
            await bus.unsubscribe(subscription)
    except NATS_ERRORS as error:
        return Finding(False, f"publishing on {bus.names.prefix}.> and hearing it: {error}")
    return Finding(True, f"publishing on {bus.names.prefix}.> and hearing it")


async def _account(bus: Bus) -> Finding:
    try:
        info = await bus.js.account_info()
    except NATS_ERRORS as error:
        return Finding(False, f"JetStream: {_words(error)}")
    storage = info.limits.max_storage
    limit = f"{storage} bytes at most" if storage > 0 else "without a limit of the account's"
    return Finding(True, f"JetStream: {info.streams} streams, {info.storage} bytes, {limit}")


async def _streams(bus: Bus, retention: Retention) -> AsyncIterator[Finding]:
    name = f"{bus.names.stream_trial_prefix}{secrets.token_hex(4)}"
    subject = bus.names.trial_subject(name)
    room = planned_bytes(retention)
    try:
        try:
            await bus.js.add_stream(_trial(name, subject, retention, room))
            yield Finding(True, f"room for {room} bytes")
        except APIError as error:
            if not is_no_room(error):
                raise
            yield Finding(False, f"room for {room} bytes: {_words(error)}; {remedy_of(error)}")
            await bus.js.add_stream(_trial(name, subject, retention, _TRIAL_BYTES))
    except NATS_ERRORS as error:
        yield Finding(False, f"{_replicated(retention)}: {_words(error)}")
        return
    try:
        yield Finding(True, _replicated(retention))
        yield await _storing(bus, name, subject)
    finally:
        try:
            await bus.js.delete_stream(name)
        except NATS_ERRORS as error:
            yield Finding(False, f"deleting stream {name}: {_words(error)}")


def _replicated(retention: Retention) -> str:
    return "a stream" if retention.replicas == 1 else f"a stream with {retention.replicas} replicas"


def _trial(name: str, subject: str, retention: Retention, size: int) -> api.StreamConfig:
    """All that gapscan's streams and buckets ask of a server, in one stream."""
    return api.StreamConfig(
        name=name,
        subjects=[subject],
        storage=api.StorageType.FILE,
        max_bytes=size,
        num_replicas=retention.replicas,
        allow_direct=True,
        allow_msg_ttl=True,
        allow_rollup_hdrs=True,
        republish=api.RePublish(src=subject, dest=f"{subject}.live"),
    )


async def _storing(bus: Bus, name: str, subject: str) -> Finding:
    try:
        headers = {names.HEADER_EXPECTED_SEQUENCE: "0", names.HEADER_TTL: "60s"}
        await store(bus, subject, b"trial", "storing a message", headers)
        direct, held = await get_last(bus, name, subject), await leader_last(bus, name, subject)
    except BusError as error:
        return Finding(False, error.message)
    good = direct is not None and held is not None and direct.data == held.data == b"trial"
    return Finding(good, "storing a message, and reading it from a replica and from the leader")


def _words(error: BaseException) -> str:
    if isinstance(error, APIError):
        return error.description or str(error)
    return str(error)
