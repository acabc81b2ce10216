"""API destinations as boto3 sets them up, with a receiver that fails on purpose.

    api_destinations.py ENDPOINT

Prints `ok` for each thing that holds; the first that does not ends it with an error.
"""
import json
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = defaultdict(list)
    tokens = []
    revoked = set()
    lock = threading.Lock()

    def log_message(self, *arguments):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        with Receiver.lock:
            seen = Receiver.requests[path]
            seen.append((time.monotonic(), self.command, self.path, dict(self.headers.items()), body))
            count = len(seen)
        status, headers, answer = self.answer(path, count, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_GET = handle_any

    def answer(self, path, count, body):
        if path == "/flaky":
            return (500 if count < 3 else 200), {}, b"{}"
        if path == "/busy":
            return (429 if count == 1 else 200), {"Retry-After": "2"}, b""
        if path == "/gone":
            return 404, {}, b"no such thing"
        if path == "/moved":
            return 302, {"Location": "/elsewhere"}, b""
        if path == "/slow":
            if count == 1:
                time.sleep(7)
            return 200, {}, b""
        if path == "/token":
            token = f"token-{len(Receiver.tokens) + 1}"
            Receiver.tokens.append((token, body))
            return 200, {}, json.dumps(
                {"access_token": token, "token_type": "Bearer", "expires_in": 3600}).encode()
        if path == "/guarded":
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            return (401 if token in Receiver.revoked or not token else 200), {}, b""
        if path == "/enriching":
            return 200, {}, json.dumps({"answer": json.loads(body)}).encode()
        return 200, {}, b""


def eventually(what, look, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            sys.exit(f"after {seconds} s still not: {what}; requests: {dict(Receiver.requests)}")
        time.sleep(0.05)


def expect(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")


def client(service, endpoint):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(retries={"max_attempts": 0}))


class World:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.events = client("events", endpoint)
        self.sqs = client("sqs", endpoint)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.web = f"http://127.0.0.1:{server.server_address[1]}"
        self.queue = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.queue_arn = self.sqs.get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.connection = self.events.create_connection(
            Name="key", AuthorizationType="API_KEY", AuthParameters={
                "ApiKeyAuthParameters": {"ApiKeyName": "X-Api-Key", "ApiKeyValue": "s3cret"},
                "InvocationHttpParameters": {
                    "QueryStringParameters": [{"Key": "from", "Value": "connection", "IsValueSecret": False}]},
            })["ConnectionArn"]

    def rule(self, name, path, connection=None, rate=300, method="POST", **target):
        destination = self.events.create_api_destination(
            Name=name, ConnectionArn=connection or self.connection, InvocationEndpoint=self.web + path,
            HttpMethod=method, InvocationRateLimitPerSecond=rate)["ApiDestinationArn"]
        self.events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
        answer = self.events.put_targets(Rule=name, Targets=[{"Id": "http", "Arn": destination, **target}])
        expect(answer["FailedEntryCount"] == 0, answer)

    def put(self, name, **detail):
        answer = self.events.put_events(
            Entries=[{"Source": name, "DetailType": "test", "Detail": json.dumps(detail)}])
        expect(answer["FailedEntryCount"] == 0, answer)
        return answer["Entries"][0]["EventId"]

    def dead_letter(self):
        def look():
            answer = self.sqs.receive_message(
                QueueUrl=self.queue, MessageAttributeNames=["All"], WaitTimeSeconds=1)
            return answer.get("Messages")
        message = eventually("a dead letter is in the queue", look)[0]
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
        return message["Body"], attributes


def plain(world):
    world.rule(
        "plain", "/users/*/orders", method="PUT", HttpParameters={
            "PathParameterValues": ["$.detail.user"], "HeaderParameters": {"X-Kind": "order"},
            "QueryStringParameters": {"from": "target", "n": "$.detail.n"}})
    event = world.put("plain", user="a b", n=3)
    _, method, path, headers, body = eventually(
        "the request came", lambda: Receiver.requests.get("/users/a%20b/orders"))[0]
    expect(method == "PUT" and path == "/users/a%20b/orders?n=3&from=connection", path)
    expect(headers["X-Api-Key"] == "s3cret" and headers["X-Kind"] == "order", headers)
    expect(headers["User-Agent"] == "Amazon/EventBridge/ApiDestinations", headers)
    expect(headers["Content-Type"] == "application/json; charset=utf-8", headers)
    expect(headers["Range"] == "bytes=0-1048575" and headers["Connection"] == "close", headers)
    expect(headers["Accept-Encoding"] == "gzip,deflate", headers)
    expect(json.loads(body)["id"] == event, body)


def retried(world):
    world.rule("flaky", "/flaky")
    world.put("flaky")
    eventually("the third request succeeds", lambda: len(Receiver.requests["/flaky"]) == 3)
    bodies = {body for _, _, _, _, body in Receiver.requests["/flaky"]}
    expect(len(bodies) == 1, "every attempt brings the same event")


def retry_after(world):
    world.rule("busy", "/busy")
    world.put("busy")
    first, second = eventually(
        "it is tried again", lambda: len(Receiver.requests["/busy"]) == 2 and Receiver.requests["/busy"])
    expect(second[0] - first[0] >= 2, f"Retry-After was not heeded: {second[0] - first[0]}")


def refused(world):
    world.rule("gone", "/gone", DeadLetterConfig={"Arn": world.queue_arn}, Input='{"fixed":1}')
    world.put("gone")
    body, attributes = world.dead_letter()
    expect(body == '{"fixed":1}', body)
    expect(attributes["ERROR_CODE"] == "SDK_CLIENT_ERROR" and attributes["RETRY_ATTEMPTS"] == "0", attributes)
    expect("404" in attributes["ERROR_MESSAGE"] and attributes["RULE_ARN"].endswith(":rule/gone"), attributes)
    expect(":api-destination/gone/" in attributes["TARGET_ARN"], attributes)
    expect(len(Receiver.requests["/gone"]) == 1, "no retry mends a 404")


def redirected(world):
    world.rule("moved", "/moved", DeadLetterConfig={"Arn": world.queue_arn})
    world.put("moved")
    _, attributes = world.dead_letter()
    expect("302" in attributes["ERROR_MESSAGE"] and "/elsewhere" not in Receiver.requests, attributes)


def exhausted(world):
    world.rule(
        "closed", "/never", DeadLetterConfig={"Arn": world.queue_arn}, RetryPolicy={"MaximumRetryAttempts": 1})
    world.events.update_api_destination(Name="closed", InvocationEndpoint="http://127.0.0.1:9/closed")
    world.put("closed")
    _, attributes = world.dead_letter()
    expect(attributes["ERROR_CODE"] == "CONNECTION_FAILURE" and attributes["RETRY_ATTEMPTS"] == "1", attributes)
    expect(attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts", attributes)


def slow(world):
    world.rule("slow", "/slow")
    world.put("slow")
    first, second = eventually(
        "it is tried again", lambda: len(Receiver.requests["/slow"]) == 2 and Receiver.requests["/slow"])
    expect(5 <= second[0] - first[0] < 7, f"the limit is five seconds, not {second[0] - first[0]}")


def oauth(world):
    arn = world.events.create_connection(
        Name="oauth", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters={"OAuthParameters": {
            "AuthorizationEndpoint": world.web + "/token", "HttpMethod": "POST",
            "ClientParameters": {"ClientID": "me", "ClientSecret": "hush"}}})["ConnectionArn"]
    eventually(
        "the connection is authorized",
        lambda: world.events.describe_connection(Name="oauth")["ConnectionState"] == "AUTHORIZED")
    expect("hush" not in str(world.events.describe_connection(Name="oauth")), "the secret is told")
    world.rule("guarded", "/guarded", connection=arn)
    world.put("guarded")
    eventually("the first request", lambda: len(Receiver.requests["/guarded"]) == 1)
    expect(len(Receiver.tokens) == 1, "the token is fetched once")
    Receiver.revoked.add("token-1")
    world.put("guarded")
    eventually("a request with a new token", lambda: len(Receiver.requests["/guarded"]) == 3)
    seen = [headers["Authorization"] for _, _, _, headers, _ in Receiver.requests["/guarded"]]
    expect(seen == ["Bearer token-1", "Bearer token-1", "Bearer token-2"], seen)


def rate(world):
    world.rule("limited", "/limited", rate=5)
    answer = world.events.put_events(
        Entries=[{"Source": "limited", "DetailType": "t", "Detail": "{}"}] * 10)
    expect(answer["FailedEntryCount"] == 0, answer)
    eventually("all have come", lambda: len(Receiver.requests["/limited"]) == 10)
    times = sorted(moment for moment, *_ in Receiver.requests["/limited"])
    expect(times[-1] - times[0] >= 1.6, f"ten at five a second took {times[-1] - times[0]} s")
    expect(all(times[index + 6] - times[index] > 0.9 for index in range(4)), times)


def pipe(world):
    """Pipes call destinations, and a destination enriches what a pipe carries."""
    destination = {
        name: world.events.create_api_destination(
            Name=name, ConnectionArn=world.connection, InvocationEndpoint=f"{world.web}/{name}",
            HttpMethod="POST")["ApiDestinationArn"]
        for name in ("piped", "enriching")}
    role = "arn:aws:iam::123456789012:role/any"
    url = world.sqs.create_queue(QueueName="work")["QueueUrl"]
    queue = world.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("pipes", world.endpoint).create_pipe(
        Name="call", RoleArn=role, Source=queue, Enrichment=destination["enriching"], Target=destination["piped"],
        EnrichmentParameters={"InputTemplate": '{"asked": <$.body.n>}'})
    world.sqs.send_message(QueueUrl=url, MessageBody='{"n": 7}')
    eventually("the pipe has called", lambda: Receiver.requests["/piped"])
    expect(json.loads(Receiver.requests["/enriching"][0][4]) == [{"asked": 7}], Receiver.requests["/enriching"])
    expect(json.loads(Receiver.requests["/piped"][0][4]) == {"answer": [{"asked": 7}]}, Receiver.requests["/piped"])


world = World(sys.argv[1])
for scene in (plain, retried, retry_after, refused, redirected, exhausted, slow, oauth, rate, pipe):
    scene(world)
    print(f"ok {scene.__name__}", flush=True)
