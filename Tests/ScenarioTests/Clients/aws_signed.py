"""boto3 against a server that wants signatures, over TLS.

aws_signed.py ENDPOINT CERTIFICATE KEY SECRET
"""

import ssl
import sys
import urllib.error
import urllib.request

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
assert code(client("sqs", "AKIANOBODY0000000000", secret).list_queues) == ("InvalidClientTokenId", 400)
assert code(client("scheduler", key, wrong).list_schedules) == ("InvalidSignatureException", 403)


# A presigned link works for whoever has it, as it is.
def get(link):
    try:
        with urllib.request.urlopen(link, context=ssl.create_default_context(cafile=certificate)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


link = client("sts", key, secret).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
status, text = get(link)
assert status == 200 and "<Arn>arn:aws:iam::123456789012:user/shop</Arn>" in text, (status, text)
status, text = get(link.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text, (status, text)
status, text = get(f"{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15")
assert status == 403 and "<Code>MissingAuthenticationToken</Code>" in text, (status, text)
