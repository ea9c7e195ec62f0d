"""The same work by picows, a WebSocket server in C: one frame to all, and the next once all have taken it.

python -m tests.bench.fanout_picows SIZE    bytes of a frame
Prints its port.
"""

from __future__ import annotations

import asyncio
import resource
import sys

from picows import WSListener, WSMsgType, WSTransport, ws_create_server

from gapscan.bridge.connection_gate import open_socket
from gapscan.runtime import run, until_stopped

_HEAD = 4  # bytes of a frame, beside its payload


class Client(WSListener):
    """Says nothing that matters."""

    def __init__(self, clients: set[WSTransport]) -> None:
        self._clients = clients

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._clients.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._clients.discard(transport)


async def flat_out(clients: set[WSTransport], payload: bytes) -> None:
    """As the bridge is driven: no frame is saved by writing several at once to a client that is behind."""
    while True:
        if not any(client.underlying_transport.get_write_buffer_size() for client in clients):
            for client in clients:
                client.send(WSMsgType.TEXT, payload)
        await asyncio.sleep(0)


async def main(stop: asyncio.Event) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    clients: set[WSTransport] = set()
    listening = open_socket("127.0.0.1", 0)  # the bridge's: a system's own buffers hold many frames of a client behind
    async with await ws_create_server(lambda _request: Client(clients), sock=listening, backlog=4096):
        print(listening.getsockname()[1], flush=True)
        await until_stopped(stop, flat_out(clients, b"x" * (int(sys.argv[1]) - _HEAD)))


if __name__ == "__main__":
    run(main)
