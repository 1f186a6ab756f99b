"""Verifies a webhook request: Python 3.8 or newer, nothing to install."""

import base64
import hashlib
import hmac
import time


def verify(secret, headers, body, now=None):
    """Raises ValueError unless the request is ours. `body` is its bytes as they came: parse them afterwards."""
    try:
        identifier, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        signatures, age = headers["webhook-signature"], abs((time.time() if now is None else now) - int(timestamp))
    except KeyError as missing:
        raise ValueError(f"the header {missing} is missing") from None
    if age > 300:
        raise ValueError("the timestamp is more than five minutes away")
    key = base64.b64decode(secret[len("whsec_") :] if secret.startswith("whsec_") else secret)
    signed = f"{identifier}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # Two signatures while a rotated secret overlaps: one that fits will do.
    if not any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures.split(" ")):
        raise ValueError("the signature is wrong")
