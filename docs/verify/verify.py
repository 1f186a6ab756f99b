"""Verifies a webhook request: Python 3.8 or newer, nothing to install."""

import base64
import hashlib
import hmac
import time


def verify(secret, headers, body, now=None):
    """Raises ValueError unless the request is ours.

    `headers` is the framework's own, or a dict with names in lower case. `body` is the request's
    bytes or text as they came: parse them afterwards.
    """
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    identifier, timestamp, signatures = (headers.get(name) for name in names)
    if not (identifier and timestamp and signatures):
        raise ValueError("a webhook header is missing")
    if abs((time.time() if now is None else now) - int(timestamp)) > 300:
        raise ValueError("the timestamp is more than five minutes away")
    key = base64.b64decode(secret[len("whsec_") :] if secret.startswith("whsec_") else secret)
    signed = f"{identifier}.{timestamp}.".encode() + (body.encode() if isinstance(body, str) else body)
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # Several signatures while rotated secrets overlap: one that fits will do.
    if not any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures.split(" ")):
        raise ValueError("the signature is wrong")
