# SPDX-License-Identifier: Apache-2.0
"""An ASGI application that answers every request; where SELFTEST is set it asks itself."""
import os
import threading
import time
import urllib.request


def selftest():
    for _ in range(100):
        time.sleep(0.1)
        try:
            print(urllib.request.urlopen("http://127.0.0.1:8000/").read().decode(), flush=True)
            os._exit(0)
        except OSError:
            continue
    os._exit(1)


if os.environ.get("SELFTEST"):
    threading.Thread(target=selftest, daemon=True).start()


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello from python as %d" % os.getuid()})
