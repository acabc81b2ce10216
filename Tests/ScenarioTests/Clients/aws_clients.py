"""boto3 as its users have it, against a server in development mode.

aws_clients.py ENDPOINT
"""

import concurrent.futures
import json
import sys
import time
import urllib.request

import boto3
import botocore.exceptions
from botocore.config import Config

endpoint = sys.argv[1]


def client(service, region="us-east-1", **keys):
    return boto3.client(
        service, endpoint_url=endpoint, region_name=region, aws_access_key_id="any", aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}), **keys)


def refusal(call, **input):
    try:
        call(**input)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def eventually(what, look):
    for _ in range(400):
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"still not: {what}")


events, logs, sns, sqs, ssm, sts = (client(name) for name in ("events", "logs", "sns", "sqs", "ssm", "sts"))

# Each protocol: what is asked, what is answered, what is refused.
identity = sts.get_caller_identity()
assert (identity["Account"], identity["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:root"), identity
assert sts.get_session_token(DurationSeconds=900)["Credentials"]["AccessKeyId"].startswith("ASIA")
assert refusal(events.describe_rule, Name="none") == ("ResourceNotFoundException", 400)
assert refusal(sns.publish, TopicArn="arn:aws:sns:us-east-1:123456789012:none", Message="a") == ("NotFound", 404)
assert refusal(ssm.get_document, Name="none") == ("InvalidDocument", 400)
try:
    events.describe_rule(Name="none")
except events.exceptions.ResourceNotFoundException as error:
    assert str(error).endswith("Rule none does not exist on EventBus default."), error

# A rule of one region's client fires for the events of another's, into a log that a third reads.
frankfurt, tokyo = client("events", "eu-central-1"), client("events", "ap-northeast-1")
logs.create_log_group(logGroupName="/events/all")
arn = frankfurt.put_rule(Name="all", EventPattern=json.dumps({"source": ["shop"]}))["RuleArn"]
assert arn == "arn:aws:events:eu-central-1:123456789012:rule/all", arn
target = "arn:aws:logs:eu-central-1:123456789012:log-group:/events/all"
assert frankfurt.put_targets(Rule="all", Targets=[{"Id": "log", "Arn": target}])["FailedEntryCount"] == 0
assert frankfurt.list_targets_by_rule(Rule="all")["Targets"][0]["Arn"] == target
detail = {"text": "é <&> \"quoted\" \U0001f600", "n": 1.5}
entries = [{"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail)}] * 3
entries.append({"Source": "shop", "DetailType": "Order", "Detail": "not json"})
answer = tokyo.put_events(Entries=entries)
assert answer["FailedEntryCount"] == 1 and answer["Entries"][3]["ErrorCode"] == "MalformedDetail", answer
found = eventually(
    "three events in the log",
    lambda: (found := logs.filter_log_events(logGroupName="/events/all")["events"]) and len(found) == 3 and found)
assert all(json.loads(event["message"])["detail"] == detail for event in found), found

# Queues, in JSON 1.0, with the errors that older clients know.
queue = sqs.create_queue(QueueName="q")["QueueUrl"]
sqs.send_message(QueueUrl=queue, MessageBody="hello", MessageAttributes={
    "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})
message = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"][0]
assert message["Body"] == "hello", message
assert message["MessageAttributes"]["blob"]["BinaryValue"] == b"\x00\xff", message
try:
    sqs.get_queue_url(QueueName="none")
    raise SystemExit("there is no such queue")
except sqs.exceptions.QueueDoesNotExist as error:
    assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue", error.response
# And in the Query protocol, as clients sent before.
query = f"{queue}?Action=GetQueueAttributes&Version=2012-11-05&AttributeName.1=ApproximateNumberOfMessages"
body = urllib.request.urlopen(query).read().decode()
assert "<GetQueueAttributesResult><Attribute><Name>ApproximateNumberOfMessages</Name><Value>" in body, body

# A signed link.
link = sts.generate_presigned_url("get_caller_identity")
request = urllib.request.Request(link, method="POST", data=b"")
assert b"<Account>123456789012</Account>" in urllib.request.urlopen(request).read()

# Pages.
for number in range(7):
    events.put_rule(Name=f"page-{number}", EventPattern='{"source":["x"]}')
names = [rule["Name"] for page in events.get_paginator("list_rules").paginate(
    NamePrefix="page-", PaginationConfig={"PageSize": 3}) for rule in page["Rules"]]
assert names == [f"page-{number}" for number in range(7)], names

# Many at a time, on connections that are kept.
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    puts = list(pool.map(lambda _: events.put_events(Entries=entries[:3])["FailedEntryCount"], range(200)))
assert puts == [0] * 200
