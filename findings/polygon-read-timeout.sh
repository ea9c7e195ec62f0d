#!/usr/bin/env bash
# read_timeout is without effect in polygon-api-client, and a quarter of what one waits for in massive.
#
# Holds for: polygon-api-client 1.16.3 (the last release under that name), massive 2.9.1 (its continuation).
# Behaviour: against a host that answers after 3 s, a client with read_timeout=0.5 waits the 3 s and returns the answer
#     (polygon), or gives up with MaxRetryError after four attempts and more than 2 s (massive: each of its three
#     retries has the half second anew, with pauses between them).
# Expected: an error after half a second, from both: asked for timeouts in 2025, the maintainers pointed to these very
#     parameters. It matters to a scanner that polls a snapshot each second: a slow answer blocks its loop without
#     limit, and after the move to massive still for four times what it set, while the slow host gets four requests
#     for one. Bound the call from outside.
# Seen: polygon 1 request, answer after 3.0 s; massive 4 requests, MaxRetryError after 2.7 s.
# Date: 2026-11-30
# Source: massive-com/client-python, issue 864 (2025-03) and pull request 977 (2025-12, the repair in massive).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'polygon-api-client==1.16.3' 'massive==2.9.1'

venv/bin/python - <<'PYTHON'
import contextlib
import http.server
import importlib.metadata
import threading
import time

import massive
import polygon
import urllib3


class Market(http.server.BaseHTTPRequestHandler):
    """A REST host that remembers what it is asked, and answers after 3 s."""

    protocol_version = "HTTP/1.1"
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        time.sleep(3)
        body = b'{"status": "OK", "results": []}'
        with contextlib.suppress(OSError):  # the asker may be gone
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        """Nothing on standard error."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Market)
threading.Thread(target=server.serve_forever, daemon=True).start()
BASE = f"http://127.0.0.1:{server.server_port}"

SEEN = {}
for library, package in ((polygon, "polygon-api-client"), (massive, "massive")):
    Market.asked.clear()
    client, start = library.RESTClient(api_key="none", base=BASE, read_timeout=0.5), time.monotonic()
    try:
        client.get_market_status(raw=True)
        end = "answer"
    except urllib3.exceptions.MaxRetryError as error:
        end = type(error).__name__
    took = time.monotonic() - start
    SEEN[package] = (len(Market.asked), end)
    print(f"{package} {importlib.metadata.version(package)}: {len(Market.asked)} requests, {end} after {took:.1f} s")
    assert took > 1.9
assert SEEN == {"polygon-api-client": (1, "answer"), "massive": (4, "MaxRetryError")}
PYTHON
