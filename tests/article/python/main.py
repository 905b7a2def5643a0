# SPDX-License-Identifier: Apache-2.0
"""An ASGI application that answers every request."""
import os


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello from python as %d" % os.getuid()})
