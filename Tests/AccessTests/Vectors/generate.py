#!/usr/bin/env python3
"""Writes signatures.json: requests signed by botocore, the signer that boto3 and aws-cli share.

    pip install botocore && python3 generate.py > signatures.json
"""
import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 1, 31, 23, 58, 30, tzinfo=datetime.timezone.utc)
KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE//+=EXAMPLE"

JSON = {"Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}

# name, service, region, method, URL, headers, body
REQUESTS = [
    ("JSON", "events", "us-east-1", "POST", "http://127.0.0.1:7400/",
     JSON | {"X-Amz-Target": "AWSEvents.PutEvents"}, '{"Entries": [{"Source": "a"}]}'),
    ("an empty body", "ssm", "eu-west-1", "POST", "http://localhost:7400/",
     JSON | {"X-Amz-Target": "AmazonSSM.ListDocuments"}, ""),
    ("a body that is not ASCII", "events", "us-east-1", "POST", "https://events.us-east-1.amazonaws.com/",
     JSON | {"X-Amz-Target": "AWSEvents.PutRule"}, '{"Name": "grün-\u00e9\u4e2d\U0001f600"}'),
    ("a form", "sns", "us-west-2", "POST", "http://127.0.0.1:7400/", FORM,
     "Action=Publish&Version=2010-03-31&Message=a%20b%2Bc"),
    ("a default port", "sts", "us-east-1", "POST", "http://localhost:80/", FORM, "Action=GetCallerIdentity"),
    ("a path with an ARN", "scheduler", "us-east-1", "GET",
     "http://127.0.0.1:7400/tags/arn%3Aaws%3Ascheduler%3Aus-east-1%3A123456789012%3Aschedule-group%2Fdefault", {}, ""),
    ("repeated query keys", "pipes", "us-east-1", "DELETE",
     "http://127.0.0.1:7400/tags/x?tagKeys=b&tagKeys=a&tagKeys=a%20b", {}, ""),
    ("a query out of order", "scheduler", "us-east-1", "GET",
     "http://127.0.0.1:7400/schedules?NextToken=%2B%2F%3D&MaxResults=5&NamePrefix=", {}, ""),
    ("a query without a value", "scheduler", "us-east-1", "GET", "http://127.0.0.1:7400/schedules?State", {}, ""),
    ("a path with dots and slashes", "pipes", "us-east-1", "GET", "http://127.0.0.1:7400//v1/./x/../pipes//a~b-c_d/",
     {}, ""),
    ("a path with spaces", "pipes", "us-east-1", "PUT", "http://127.0.0.1:7400/v1/pipes/a%20b%252F", {}, "{}"),
    ("spaces within a header", "events", "us-east-1", "POST", "http://127.0.0.1:7400/",
     JSON | {"X-Amz-Target": "AWSEvents.ListRules", "My-Header": "  a   b  c "}, "{}"),
    ("IPv6", "events", "us-east-1", "POST", "http://[::1]:7400/", JSON | {"X-Amz-Target": "AWSEvents.ListRules"}, "{}"),
]


def vector(name, service, region, method, url, headers, body, auth, token, expires=None):
    credentials = Credentials(KEY, SECRET, token)
    request = AWSRequest(method=method, url=url, headers=dict(headers), data=body.encode())
    arguments = {} if expires is None else {"expires": expires}
    signer = auth(credentials, service, region, **arguments)
    recorded = {}
    original = signer.canonical_request
    signer.canonical_request = lambda request: recorded.setdefault("text", original(request))
    signer.add_auth(request)
    prepared = request.prepare()
    target = prepared.url.split("://", 1)[1]
    host, _, rest = target.partition("/")
    path, _, query = ("/" + rest).partition("?")
    # What botocore's HTTP client sends as Host is what it has signed.
    sent = [["host", host.removesuffix(":80")]]
    sent += [[key.lower(), value if isinstance(value, str) else value.decode()]
             for key, value in prepared.headers.items() if key.lower() not in ("host", "content-length")]
    return {
        "name": name, "method": method, "path": path, "query": query, "headers": sent, "body": body, "token": token,
        "service": service, "region": region, "canonicalRequest": recorded["text"],
    }


def main():
    class Fixed(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return NOW.replace(tzinfo=None)

    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None)
    else:
        botocore.auth.datetime.datetime = Fixed
    vectors = []
    for request in REQUESTS:
        vectors.append(vector(*request, botocore.auth.SigV4Auth, None))
    for index in (0, 3, 6):
        request = (REQUESTS[index][0] + ", with a session token",) + REQUESTS[index][1:]
        vectors.append(vector(*request, botocore.auth.SigV4Auth, TOKEN))
    for token in (None, TOKEN):
        name = "presigned" if token is None else "presigned, with a session token"
        url = "http://127.0.0.1:7400/?Action=ListTopics&Version=2010-03-31&NextToken=a%2Bb%20c"
        vectors.append(vector(
            name, "sns", "us-east-1", "GET", url, {}, "", botocore.auth.SigV4QueryAuth, token, expires=900))
    json.dump({"accessKey": KEY, "secret": SECRET, "time": NOW.isoformat(), "vectors": vectors}, sys.stdout, indent=1)
    print()


main()
