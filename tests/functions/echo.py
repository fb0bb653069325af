"""Answers with what the function was given: the judge of what the proxy changed on the way."""
import base64
import hashlib
import json
import os

from invocations import record


def handler(event, context):
    record(event)
    body = event.get("body")
    raw = b"" if body is None else base64.b64decode(body) if event["isBase64Encoded"] else body.encode("utf-8")
    http = event["requestContext"]["http"]
    seen = {
        "function": os.environ.get("FUNCTION_LABEL", context.function_name),
        "method": http["method"],
        "path": event["rawPath"],
        "query": event["rawQueryString"],
        "headers": event["headers"],
        "cookies": event.get("cookies", []),
        "body": {
            "base64": base64.b64encode(raw).decode("ascii") if len(raw) <= 65536 else None,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "size": len(raw),
        },
    }
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(seen)}
