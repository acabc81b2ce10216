"""Works with queues, topics and functions through boto3: queues.py ENDPOINT PART [ARGUMENT...]"""

import base64
import json
import sys
import threading
import time

import boto3
from botocore.config import Config

endpoint, part, *rest = sys.argv[1:]


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30))


sqs, sns, functions, logs = (client(name) for name in ("sqs", "sns", "lambda", "logs"))


def receive_all(url, **more):
    bodies = []
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", [])
        if not messages:
            return bodies
        bodies += [message["Body"] for message in messages]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        assert "Failed" not in sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def queue():
    """What a client does with a queue; boto3 itself compares the digests."""
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    assert url == f"{endpoint}/123456789012/q", url
    attributes = {
        "text": {"DataType": "String", "StringValue": "grüße"},
        "number": {"DataType": "Number.int", "StringValue": "7"},
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="hällo\n\t€", MessageAttributes=attributes)
    message = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
    assert message["MessageId"] == sent["MessageId"] and message["Body"] == "hällo\n\t€"
    assert message["MessageAttributes"] == attributes, message
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert receive_all(url) == ["hällo\n\t€"]

    start = time.monotonic()
    timer = threading.Timer(0.5, lambda: sqs.send_message(QueueUrl=url, MessageBody="late"))
    timer.start()
    assert receive_all(url, WaitTimeSeconds=2) == ["late"]
    assert time.monotonic() - start < 10
    try:
        sqs.send_message(QueueUrl=url.replace("/q", "/none"), MessageBody="x")
    except sqs.exceptions.QueueDoesNotExist as error:
        assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue", error.response
    else:
        raise AssertionError("a queue that is not there took a message")


def topic():
    """A topic with two queues, of which one filters."""
    arn = sns.create_topic(Name="t", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    urls = {}
    for name, more in (("all", {}), ("paid", {"FilterPolicy": json.dumps({"state": ["paid"]}), "RawMessageDelivery": "true"})):
        urls[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn, Attributes=more)
    for number, state in enumerate(["paid", "open", "paid"]):
        sns.publish(
            TopicArn=arn, Message=str(number),
            MessageAttributes={"state": {"DataType": "String", "StringValue": state}})
    assert receive_all(urls["paid"]) == ["0", "2"]
    envelopes = [json.loads(body) for body in receive_all(urls["all"])]
    assert [envelope["Message"] for envelope in envelopes] == ["0", "1", "2"]
    assert envelopes[0]["MessageAttributes"] == {"state": {"Type": "String", "Value": "paid"}}
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    # The address in the envelope ends the subscription.
    import urllib.request
    urllib.request.urlopen(envelopes[0]["UnsubscribeURL"]).read()
    assert len(sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]) == 1


def function():
    """A function, registered before, is run by a Lambda client and by an event."""
    answer = functions.invoke(FunctionName="greet", Payload=json.dumps({"name": "Ada"}), LogType="Tail")
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer, answer
    assert json.load(answer["Payload"]) == {"hello": "Ada"}
    assert b"greeting Ada" in base64.b64decode(answer["LogResult"])
    failed = functions.invoke(FunctionName="greet", Payload=b"{}")
    assert failed["FunctionError"] == "Unhandled" and "errorMessage" in json.load(failed["Payload"])
    assert functions.invoke(FunctionName="greet", InvocationType="DryRun")["StatusCode"] == 204
    event = functions.invoke(FunctionName="greet", InvocationType="Event", Payload=json.dumps({"name": "Bob"}))
    assert event["StatusCode"] == 202
    try:
        functions.invoke(FunctionName="none")
    except functions.exceptions.ResourceNotFoundException:
        pass
    else:
        raise AssertionError("a function that is not there ran")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        lines = [event["message"] for event in logs.filter_log_events(logGroupName="/aws/lambda/greet")["events"]]
        if "greeting Bob" in lines:
            return
        time.sleep(0.05)
    raise AssertionError(f"the event was not worked off: {lines}")


def burst():
    """Sends numbers to q.fifo until the server is gone, and writes each down that was acknowledged."""
    url = sqs.create_queue(
        QueueName="q.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    with open(rest[0], "a", buffering=1) as acknowledged:
        for number in range(int(rest[1]), 1_000_000):
            try:
                sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId=str(number % 3))
            except Exception:
                return
            acknowledged.write(f"{number}\n")


def drain():
    """Prints what q.fifo holds, a message a line, and deletes it."""
    url = sqs.get_queue_url(QueueName="q.fifo")["QueueUrl"]
    for body in receive_all(url):
        print(body)


{"queue": queue, "topic": topic, "function": function, "burst": burst, "drain": drain}[part]()
