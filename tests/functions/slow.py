"""Works for `?seconds=` (1 if absent, 60 at most) before it answers."""
import json
import time

from invocations import record


def handler(event, context):
    record(event)
    seconds = min(float(event.get("queryStringParameters", {}).get("seconds", 1)), 60.0)
    time.sleep(seconds)
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps({"slept": seconds})}
