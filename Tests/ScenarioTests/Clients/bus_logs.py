"""Turns on the log of an event bus and reads in it what became of events.

bus_logs.py ENDPOINT
"""

import json
import sys
import time

import boto3

aws = {
    "endpoint_url": sys.argv[1], "region_name": "eu-west-1",
    "aws_access_key_id": "any", "aws_secret_access_key": "any",
}
events, logs, sqs = (boto3.client(name, **aws) for name in ("events", "logs", "sqs"))
GROUP = "/aws/vendedlogs/events/event-bus/shop"


def lines():
    try:
        found = logs.get_log_events(
            logGroupName=GROUP, logStreamName="EventBridgeEventBusLogs", startFromHead=True)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(event["message"]) for event in found]


def wait(count):
    end = time.monotonic() + 30
    while len(lines()) < count:
        assert time.monotonic() < end, lines()
        time.sleep(0.02)
    return lines()


def put(detail, source="shop"):
    answer = events.put_events(
        Entries=[{"Source": source, "DetailType": "Order", "Detail": detail, "EventBusName": "shop"}])
    return answer["Entries"][0].get("EventId")


full = {"Level": "TRACE", "IncludeDetail": "FULL"}
bus = events.create_event_bus(Name="shop", LogConfig=full)
assert bus["LogConfig"] == full, bus
assert events.describe_event_bus(Name="shop")["LogConfig"] == full

url = sqs.create_queue(QueueName="orders")["QueueUrl"]
queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
events.put_rule(Name="orders", EventBusName="shop", EventPattern='{"source": ["shop"]}')
events.put_targets(Rule="orders", EventBusName="shop", Targets=[{"Id": "q", "Arn": queue}])

# One that arrives.
event = put('{"order": 7}')
told = wait(8)
assert [line["message_type"] for line in told] == [
    "EVENT_RECEIPT", "EVENT_INGEST_SUCCESS", "RULE_MATCH_START", "RULE_MATCH", "INVOCATION_START",
    "INVOCATION_ATTEMPT_START", "INVOCATION_ATTEMPT_SUCCESS", "INVOCATION_SUCCESS",
], told
assert {line["event_id"] for line in told} == {event}
assert json.loads(told[0]["details"]["event_detail"]) == {"order": 7}
assert json.loads(told[4]["details"]["target_input"])["id"] == event
assert told[3]["details"]["invocation_ids"] == [told[7]["invocation_id"]]

# One that nobody wants, and one that is refused.
put("{}", source="elsewhere")
assert wait(12)[11]["message_type"] == "NO_STANDARD_RULES_MATCHED"
assert put("[") is None
assert wait(14)[13]["message_type"] == "EVENT_INGEST_FAILURE"

# Only failures, without what events hold.
events.update_event_bus(Name="shop", LogConfig={"Level": "ERROR"})
sqs.delete_queue(QueueUrl=url)
put('{"order": 8}')
told = wait(16)
assert [line["message_type"] for line in told[14:]] == [
    "INVOCATION_ATTEMPT_PERMANENT_FAILURE", "INVOCATION_FAILURE"], told[14:]
assert told[15]["error"]["aws_service"] == "sqs" and "target_input" not in told[15]["details"], told[15]

# Nothing while it is off: of two events, the log knows the second.
events.update_event_bus(Name="shop", LogConfig={"Level": "OFF"})
logs.create_log_group(logGroupName="/orders")
events.put_targets(Rule="orders", EventBusName="shop", Targets=[
    {"Id": "q", "Arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/orders"}])
put('{"order": 9}')
end = time.monotonic() + 30
while not logs.filter_log_events(logGroupName="/orders")["events"]:
    assert time.monotonic() < end, "the event does not arrive"
    time.sleep(0.02)
events.update_event_bus(Name="shop", LogConfig={"Level": "INFO"})
event = put('{"order": 10}')
told = wait(20)[16:]
assert [line["event_id"] for line in told if line["message_type"] == "RULE_MATCH"] == [event], told

# The log outlives its bus.
events.remove_targets(Rule="orders", EventBusName="shop", Ids=["q"])
events.delete_rule(Name="orders", EventBusName="shop")
events.delete_event_bus(Name="shop")
assert len(lines()) >= 20
