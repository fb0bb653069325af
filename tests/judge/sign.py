"""Signs requests with botocore: the judge of the proxy's signatures.

One JSON object a line on stdin: method, url, headers (a list of pairs), body (base64), credentials (access_key_id,
secret_access_key, session_token or null), region, service, timestamp (YYYYMMDDTHHMMSSZ).
One JSON object a line on stdout: the headers that the signature adds, by lower-case name.

With the argument `check`, a line also has `signed`, what the proxy added. Only lines that differ are printed, as
{"request", "botocore"}, and at the end {"checked": how many}.
"""
import base64
import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ADDED = ("authorization", "x-amz-date", "x-amz-security-token")


def sign(line):
    moment = datetime.datetime.strptime(line["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_args, **_kwargs: moment
    given = line["credentials"]
    credentials = Credentials(given["access_key_id"], given["secret_access_key"], given.get("session_token"))
    request = AWSRequest(method=line["method"], url=line["url"], data=base64.b64decode(line["body"]))
    for name, value in line["headers"]:
        request.headers.add_header(name, value)
    botocore.auth.SigV4Auth(credentials, line["service"], line["region"]).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items() if name.lower() in ADDED}


def check():
    checked = 0
    for text in sys.stdin:
        line = json.loads(text)
        signed = sign(line)
        checked += 1
        if signed != line["signed"]:
            print(json.dumps({"request": line, "botocore": signed}), flush=True)
    print(json.dumps({"checked": checked}))


if sys.argv[1:] == ["check"]:
    check()
else:
    for text in sys.stdin:
        if text.strip():
            sys.stdout.write(json.dumps(sign(json.loads(text))) + "\n")
