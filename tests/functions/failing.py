"""Raises: AWS answers 502 for it."""
from invocations import record


def handler(event, context):
    record(event)
    raise ValueError("the order book is on fire")
