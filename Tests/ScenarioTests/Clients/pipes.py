"""A pipe made with boto3, from a queue to a log group.

    pipes.py ENDPOINT
"""

import json
import sys
import time

import boto3

endpoint = sys.argv[1]
account = "us-east-1:123456789012"


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")


pipes, sqs, logs = (client(name) for name in ("pipes", "sqs", "logs"))
url = sqs.create_queue(QueueName="orders")["QueueUrl"]
created = pipes.create_pipe(
    Name="large", RoleArn="arn:aws:iam::123456789012:role/any", Source=f"arn:aws:sqs:{account}:orders",
    Target=f"arn:aws:logs:{account}:log-group:/orders",
    SourceParameters={"FilterCriteria": {"Filters": [
        {"Pattern": json.dumps({"body": {"total": [{"numeric": [">", 100]}]}})}]}},
    TargetParameters={
        "InputTemplate": "order <$.body.id> over <$.body.total>",
        "CloudWatchLogsParameters": {"LogStreamName": "$.body.shop"}})
assert created["CurrentState"] == "CREATING", created
assert pipes.describe_pipe(Name="large")["CurrentState"] == "RUNNING"
for number, total in enumerate([50, 150, 99, 1000]):
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"id": number, "total": total, "shop": "north"}))


def lines():
    try:
        found = logs.filter_log_events(logGroupName="/orders", logStreamNames=["north"])
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in found["events"]]


def left():
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


end = time.monotonic() + 20
while (len(lines()) < 2 or left()) and time.monotonic() < end:
    time.sleep(0.1)
assert lines() == ["order 1 over 150", "order 3 over 1000"], lines()
assert left() == 0
assert pipes.stop_pipe(Name="large")["CurrentState"] == "STOPPING"
assert pipes.describe_pipe(Name="large")["CurrentState"] == "STOPPED"
sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"id": 9, "total": 900, "shop": "north"}))
time.sleep(0.5)
assert left() == 1, "a stopped pipe takes nothing"
pipes.start_pipe(Name="large")
end = time.monotonic() + 20
while left() and time.monotonic() < end:
    time.sleep(0.1)
assert lines()[-1] == "order 9 over 900", lines()
