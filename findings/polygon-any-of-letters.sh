#!/usr/bin/env bash
# polygon-api-client splits the text that its own signature asks for into letters; massive, the same client, does not.
#
# Holds for: polygon-api-client 1.16.3 (the last release under that name), massive 2.9.1 (its continuation).
# Behaviour: list_benzinga_earnings(ticker_any_of="AAPL") asks for ticker.any_of=A,A,P,L: Agilent (A) and Loews (L)
#     among others, not Apple. The parameter is annotated Optional[str]. Any any_of parameter does the same;
#     massive sends AAPL. A list works in both.
# Expected: that a value of the annotated type is sent as it is. It matters because single letters are
#     tickers too: the answer is well formed, only about other companies, and no error tells.
# Seen: polygon -> A,A,P,L for the text, AAPL,MSFT for a list; massive -> AAPL and AAPL,MSFT.
# Date: 2026-11-30
# Source: massive-com/client-python (formerly polygon-io/client-python): rest/base.py, where the parameters of a call
#     are built, rest/benzinga.py for the signature, as installed by both packages.
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
import inspect
import threading
import urllib.parse

import massive
import polygon


class Market(http.server.BaseHTTPRequestHandler):
    """A REST host that remembers what it is asked."""

    protocol_version = "HTTP/1.1"
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
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
    client = library.RESTClient(api_key="none", base=BASE)
    annotation = inspect.signature(client.list_benzinga_earnings).parameters["ticker_any_of"].annotation
    for value in ("AAPL", ["AAPL", "MSFT"]):
        Market.asked.clear()
        assert list(client.list_benzinga_earnings(ticker_any_of=value)) == []
        query = urllib.parse.parse_qs(urllib.parse.urlparse(Market.asked[0]).query)
        SEEN[package, str(value)] = query["ticker.any_of"][0]
        version = importlib.metadata.version(package)
        print(f"{package} {version}: ticker_any_of={value!r} ({annotation}) asks for {SEEN[package, str(value)]}")
assert list(SEEN.values()) == ["A,A,P,L", "AAPL,MSFT", "AAPL", "AAPL,MSFT"]
PYTHON
