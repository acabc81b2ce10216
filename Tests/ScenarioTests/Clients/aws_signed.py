"""boto3 against a server that wants signatures, over TLS.

aws_signed.py ENDPOINT CERTIFICATE KEY SECRET
"""

import sys

import boto3
import botocore.exceptions
from botocore.config import Config

endpoint, certificate, key, secret = sys.argv[1:5]


def client(service, key, secret, token=None):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
        aws_session_token=token, verify=certificate, config=Config(retries={"total_max_attempts": 1}))


def code(call, **input):
    try:
        call(**input)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


entry = {"Source": "a", "DetailType": "b", "Detail": "{}"}
identity = client("sts", key, secret).get_caller_identity()
assert identity["Arn"] == "arn:aws:iam::123456789012:user/shop", identity
events = client("events", key, secret)
assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
assert code(events.put_rule, Name="r", EventPattern="{}") == ("AccessDeniedException", 400)
assert code(client("sns", key, secret).list_topics) == ("AuthorizationError", 403)
assert code(client("scheduler", key, secret).list_schedules) == ("AccessDeniedException", 403)

# A session may do what its maker may do, and no more.
session = client("sts", key, secret).get_session_token()["Credentials"]
temporary = client("events", session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
assert temporary.put_events(Entries=[entry])["FailedEntryCount"] == 0
assert code(temporary.put_rule, Name="r", EventPattern="{}") == ("AccessDeniedException", 400)
untokened = client("events", session["AccessKeyId"], session["SecretAccessKey"])
assert code(untokened.put_events, Entries=[entry]) == ("UnrecognizedClientException", 400)

# Who is not who he says.
wrong = "x" * 40
assert code(client("events", key, wrong).list_rules) == ("InvalidSignatureException", 400)
assert code(client("sns", key, wrong).list_topics) == ("SignatureDoesNotMatch", 403)
assert code(client("events", "AKIANOBODY0000000000", secret).list_rules) == ("UnrecognizedClientException", 400)
assert code(client("sts", "AKIANOBODY0000000000", secret).get_caller_identity) == ("InvalidClientTokenId", 403)
