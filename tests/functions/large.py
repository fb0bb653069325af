"""Answers `?size=` bytes (1 MiB if absent, 4 MiB at most) of a pattern that shows every cut and every doubled piece."""
import base64

from invocations import record

LIMIT = 4 * 1024 * 1024


def handler(event, context):
    record(event)
    size = min(int(event.get("queryStringParameters", {}).get("size", 1024 * 1024)), LIMIT)
    pattern = b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/octet-stream"},
        "isBase64Encoded": True,
        "body": base64.b64encode(pattern).decode("ascii"),
    }
