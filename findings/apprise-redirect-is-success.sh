#!/usr/bin/env bash
# A web hook that has moved gets no alert, and apprise says that it was delivered.
#
# Holds for: apprise 2.3.0.
# Behaviour: a json:// target answers the POST with 301 or 302 and a new place. apprise asks the new place with GET,
#     without the body, gets 200 and returns True. With 307 or 308 the POST is repeated, body and all.
# Expected: False for 301 and 302, since nothing was delivered, or the POST again. It matters where a proxy is put
#     before the receiver of trading alerts (http to https, a slash at the end): from then on each alert is lost, and
#     whoever acknowledges a message once notify() is true has nothing left to send again.
# Seen: 301 -> POST, GET, True, 0 bodies at the new place; 302 alike; 307 -> POST, POST, True, 1 body; 308 alike.
# Date: 2026-11-30
# Source: RFC 9110, 15.4.2 and 15.4.3: user agents may change POST to GET for these two; caronc/apprise, wiki page
#     Notify_Custom_JSON: a POST, and no word on redirects.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'apprise==2.3.0'

venv/bin/python - <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import apprise

print("apprise", apprise.__version__)
seen = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        code = self.path.removeprefix("/old/")
        if code.isdigit():
            seen.append("POST")
            self.send_response(int(code))
            self.send_header("Location", "/new")
        else:
            seen.append(f"POST with {'a' if b'BRK.A entered' in body else 'no'} body")
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        seen.append("GET")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
for code in (301, 302, 307, 308):
    seen.clear()
    sender = apprise.Apprise()
    assert sender.add(f"json://127.0.0.1:{server.server_port}/old/{code}")
    delivered = bool(sender.notify(title="gappers", body="BRK.A entered"))
    print(f"{code} -> {', '.join(seen)}; notify() is {delivered}")
    repeated = ["POST", "POST with a body"] if code > 302 else ["POST", "GET"]
    assert (seen, delivered) == (repeated, True)
server.shutdown()
PYTHON
