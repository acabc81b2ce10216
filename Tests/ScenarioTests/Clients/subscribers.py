"""Topics that deliver to HTTP endpoints, as boto3 sets them up, with a receiver that fails on purpose.

    subscribers.py ENDPOINT

Prints `ok` for each thing that holds; the first that does not ends it with an error.
"""
import json
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.exceptions import ClientError

AWS = {"region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}


class Receiver(BaseHTTPRequestHandler):
    """Confirms what it is asked to confirm, and keeps what it gets."""
    protocol_version = "HTTP/1.1"
    messages = defaultdict(list)
    lock = threading.Lock()

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        kind = self.headers["x-amz-sns-message-type"]
        if kind == "SubscriptionConfirmation" and self.path != "/silent":
            urllib.request.urlopen(json.loads(body)["SubscribeURL"]).read()
        with Receiver.lock:
            Receiver.messages[self.path, kind].append((dict(self.headers.items()), body))
            count = len(Receiver.messages[self.path, kind])
        status = 200
        if kind == "Notification":
            if self.path == "/slow":
                time.sleep(20)
            status = {"/flaky": 500 if count == 1 else 200, "/busy": 429 if count == 1 else 200,
                      "/gone": 404, "/moved": 302}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


class Leaving(Receiver):
    """Keeps no connection, so that nobody reaches it once it is gone."""
    protocol_version = "HTTP/1.0"


def eventually(what, look, seconds=40):
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            sys.exit(f"after {seconds} s still not: {what}; messages: {dict(Receiver.messages)}")
        time.sleep(0.05)


def received(path, count=1, kind="Notification"):
    def look():
        with Receiver.lock:
            found = list(Receiver.messages[path, kind])
        return found if len(found) >= count else None
    return eventually(f"{count} of kind {kind} at {path}", look)


def ok(what):
    print("ok", what, flush=True)


class Topic:
    """A topic with one endpoint, and a queue for what that does not take."""
    policy = {"healthyRetryPolicy": {
        "minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2, "numNoDelayRetries": 0}}

    def __init__(self, name, base, **attributes):
        self.arn = sns.create_topic(Name=name)["TopicArn"]
        self.queue = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        dead = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.path = f"/{name}"
        self.subscription = sns.subscribe(
            TopicArn=self.arn, Protocol="http", Endpoint=base + self.path, ReturnSubscriptionArn=True,
            Attributes={"DeliveryPolicy": json.dumps(self.policy),
                        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead}), **attributes})["SubscriptionArn"]

    def confirmed(self):
        eventually(f"{self.path} is confirmed", lambda: self.attributes()["PendingConfirmation"] == "false")
        return self

    def attributes(self):
        return sns.get_subscription_attributes(SubscriptionArn=self.subscription)["Attributes"]

    def publish(self, text, **more):
        return sns.publish(TopicArn=self.arn, Message=text, **more)["MessageId"]

    def dead_letters(self, seconds=20):
        return sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=seconds).get("Messages", [])


def check_plain(base):
    topic = Topic("plain", base).confirmed()
    asked = json.loads(received("/plain", kind="SubscriptionConfirmation")[0][1])
    assert asked["Type"] == "SubscriptionConfirmation" and asked["TopicArn"] == topic.arn, asked
    attributes = {"color": {"DataType": "String", "StringValue": "red"}}
    identifier = topic.publish("hello", Subject="greeting", MessageAttributes=attributes)
    headers, body = received("/plain")[0]
    message = json.loads(body)
    assert headers["x-amz-sns-message-id"] == message["MessageId"] == identifier, headers
    assert headers["x-amz-sns-topic-arn"] == topic.arn, headers
    assert headers["x-amz-sns-subscription-arn"] == topic.subscription, headers
    assert headers["Content-Type"] == "text/plain; charset=UTF-8", headers
    assert message["Message"] == "hello" and message["Subject"] == "greeting", message
    assert message["MessageAttributes"] == {"color": {"Type": "String", "Value": "red"}}, message
    ok("a confirmed endpoint gets messages in the service's form")

    urllib.request.urlopen(message["UnsubscribeURL"]).read()
    told = json.loads(received("/plain", kind="UnsubscribeConfirmation")[0][1])
    topic.publish("not wanted")
    urllib.request.urlopen(told["SubscribeURL"]).read()
    topic.publish("wanted again")
    assert [json.loads(body)["Message"] for _, body in received("/plain", 2)] == ["hello", "wanted again"]
    ok("the endpoint ends its subscription by a URL, and has it back by another")


def check_pending(base):
    arn = sns.create_topic(Name="silent")["TopicArn"]
    answer = sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=base + "/silent")
    assert answer["SubscriptionArn"] == "pending confirmation", answer
    asked = json.loads(received("/silent", kind="SubscriptionConfirmation")[0][1])
    sns.publish(TopicArn=arn, Message="early")
    listed = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert [s["SubscriptionArn"] for s in listed] == ["PendingConfirmation"], listed
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["SubscriptionsPending"] == "1"
    try:
        sns.confirm_subscription(TopicArn=arn, Token="0" * 128)
        sys.exit("a wrong token confirms")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidParameter", error
    confirmed = sns.confirm_subscription(
        TopicArn=arn, Token=asked["Token"], AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    assert confirmed.startswith(arn + ":"), confirmed
    sns.publish(TopicArn=arn, Message="late")
    assert json.loads(received("/silent")[0][1])["Message"] == "late"
    ok("nothing is delivered before the token comes back")


def check_shapes(base):
    topic = Topic("raw", base, RawMessageDelivery="true", FilterPolicy=json.dumps({"level": ["high"]})).confirmed()
    topic.publish("unwanted", MessageAttributes={"level": {"DataType": "String", "StringValue": "low"}})
    topic.publish(
        json.dumps({"default": "for all", "http": "for http"}), MessageStructure="json",
        MessageAttributes={"level": {"DataType": "String", "StringValue": "high"}})
    headers, body = received("/raw")[0]
    assert body == "for http" and headers["x-amz-sns-rawdelivery"] == "true", (headers, body)
    ok("raw delivery, filters and a text for each protocol")


def check_failures(base):
    slow = Topic("slow", base).confirmed()
    slow.publish("held")
    for name in ("flaky", "busy"):
        topic = Topic(name, base).confirmed()
        identifier = topic.publish("again")
        ids = [headers["x-amz-sns-message-id"] for headers, _ in received(f"/{name}", 2)]
        assert ids == [identifier] * 2, ids
    ok("500 and 429 are tried again with the same id, while another endpoint is slow")

    for name in ("gone", "moved"):
        topic = Topic(name, base).confirmed()
        identifier = topic.publish("never")
        letters = topic.dead_letters()
        assert json.loads(letters[0]["Body"])["MessageId"] == identifier, letters
        assert len(received(f"/{name}")) == 1
    assert not Receiver.messages["/elsewhere", "Notification"]
    ok("404 and a redirect go to the dead-letter queue at once, and the redirect is not followed")

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Leaving)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    topic = Topic("dead", f"http://127.0.0.1:{listener.server_address[1]}").confirmed()
    listener.shutdown()
    listener.server_close()
    topic.publish("nobody there")
    assert json.loads(topic.dead_letters()[0]["Body"])["Message"] == "nobody there"
    ok("an endpoint that is gone is tried as often as its policy says")


sns = boto3.client("sns", endpoint_url=sys.argv[1], **AWS)
sqs = boto3.client("sqs", endpoint_url=sys.argv[1], **AWS)
server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_address[1]}"
check_plain(base)
check_pending(base)
check_shapes(base)
check_failures(base)
