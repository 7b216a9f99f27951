# Python 3.8 or later, no packages.
import base64
import binascii
import hashlib
import hmac
import time

TOLERANCE_S = 300


def verify_webhook(headers, body, secrets, now=None):
    """headers: a mapping with lower-case names. body: the raw bytes, before any JSON parser has seen them.
    secrets: whsec_..., the current one, and while you change over the one before. Raises ValueError when the request must not be trusted."""
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    if not id or not signatures:
        raise ValueError("a webhook header is missing")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_S:
        raise ValueError("the timestamp is too far from now")
    signed = f"{id}.{timestamp}.".encode() + body
    given = [_decode(one[3:]) for one in signatures.split(" ") if one.startswith("v1,")]
    for secret in secrets:
        expected = hmac.new(base64.b64decode(secret[len("whsec_"):]), signed, hashlib.sha256).digest()
        if any([hmac.compare_digest(expected, signature) for signature in given]):
            return
    raise ValueError("no signature fits")


def _decode(text):
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
