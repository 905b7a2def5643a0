# SPDX-License-Identifier: Apache-2.0
"""Answers with the time; with the argument "now" it prints it and ends."""
import datetime
import http.server
import sys


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds") + "\n"


class Clock(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(now().encode())


if len(sys.argv) > 1 and sys.argv[1] == "now":
    sys.stdout.write(now())
else:
    http.server.ThreadingHTTPServer(("", 8000), Clock).serve_forever()
