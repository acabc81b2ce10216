"""Schedules made with boto3, and what comes of them.

    schedules.py ENDPOINT
"""

import datetime
import json
import sys
import time

import boto3

endpoint = sys.argv[1]
role = "arn:aws:iam::123456789012:role/any"
account = "us-east-1:123456789012"


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")


scheduler, sqs, ssm, logs = (client(name) for name in ("scheduler", "sqs", "ssm", "logs"))


def soon():
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def schedule(name, arn, **more):
    target = {"Arn": arn, "RoleArn": role} | {key: more.pop(key) for key in list(more) if key[0].isupper() and key in (
        "Input", "SqsParameters", "EventBridgeParameters", "DeadLetterConfig", "RetryPolicy")}
    return scheduler.create_schedule(
        Name=name, ScheduleExpression=soon(), FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **more)


def received(url, count):
    messages = []
    end = time.monotonic() + 20
    while len(messages) < count and time.monotonic() < end:
        found = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5, MessageAttributeNames=["All"])
        messages += found.get("Messages", [])
    return messages


def eventually(what, look):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


url = sqs.create_queue(QueueName="work")["QueueUrl"]
fifo = sqs.create_queue(
    QueueName="work.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
node = eventually("a node", lambda: ssm.describe_instance_information()["InstanceInformationList"])[0]["InstanceId"]

# A universal target runs a command on a node, and its schedule goes away afterwards.
schedule(
    "command", "arn:aws:scheduler:::aws-sdk:ssm:sendCommand", ActionAfterCompletion="DELETE",
    Input=json.dumps({
        "DocumentName": "AWS-RunShellScript", "InstanceIds": [node],
        "Parameters": {"commands": ["echo ran for <aws.scheduler.schedule-arn>"]}}))
# Templated targets: queues of both kinds; one that does not exist ends in the dead-letter queue.
schedule("queue", f"arn:aws:sqs:{account}:work", Input="at <aws.scheduler.scheduled-time>")
schedule("fifo", f"arn:aws:sqs:{account}:work.fifo", Input="in order", SqsParameters={"MessageGroupId": "g"})
schedule(
    "lost", f"arn:aws:sqs:{account}:nowhere", Input="lost", DeadLetterConfig={"Arn": f"arn:aws:sqs:{account}:dead"})

message = received(url, 1)[0]["Body"]
assert message.startswith("at 20") and message.endswith("Z"), message
assert [each["Body"] for each in received(fifo, 1)] == ["in order"]
letter = received(dead, 1)[0]
attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
assert letter["Body"] == "lost", letter
assert attributes["SCHEDULE_ARN"].endswith(":schedule/default/lost"), attributes
assert attributes["TARGET_ARN"].endswith(":nowhere") and attributes["RETRY_ATTEMPTS"] == "0", attributes
assert "does not exist" in attributes["ERROR_MESSAGE"], attributes

command = eventually(
    "the command's end", lambda: [each for each in ssm.list_commands()["Commands"] if each["Status"] == "Success"])[0]
output = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=node)["StandardOutputContent"]
assert output.strip().endswith(":schedule/default/command"), output
eventually(
    "the schedule goes away",
    lambda: [each["Name"] for each in scheduler.list_schedules()["Schedules"]] == ["fifo", "lost", "queue"])
try:
    scheduler.create_schedule(
        Name="never", ScheduleExpression="cron(0 25 * * ? *)", FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"arn:aws:sqs:{account}:work", "RoleArn": role})
    raise AssertionError("hour 25 was accepted")
except scheduler.exceptions.ValidationException as error:
    assert error.response["Message"].startswith("Invalid Schedule Expression cron(0 25 * * ? *)."), error
print(command["CommandId"])
