"""The function's own refusal: a 404 with a body, a header and two cookies, which must reach the caller untouched."""
from invocations import record


def handler(event, context):
    record(event)
    return {
        "statusCode": 404,
        "headers": {"content-type": "text/plain; charset=utf-8", "x-order": "unknown"},
        "cookies": ["first=1; Path=/; HttpOnly", "second=2; Path=/; Secure"],
        "body": "no such order\n",
    }
