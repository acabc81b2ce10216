"""An archive and a replay made with boto3, and what reaches a target.

    replays.py ENDPOINT
"""

import datetime
import json
import sys
import time

import boto3

endpoint = sys.argv[1]


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")


events, logs = client("events"), client("logs")


def lines(group, count):
    """The events that a log group has got, once there are so many."""
    end = time.monotonic() + 20
    while True:
        found = logs.filter_log_events(logGroupName=group)["events"]
        if len(found) >= count or time.monotonic() > end:
            assert len(found) == count, f"{group} has {len(found)} lines, not {count}"
            return [json.loads(line["message"]) for line in found]
        time.sleep(0.05)


for name in ("chosen", "other"):
    logs.create_log_group(logGroupName=f"/{name}")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["shop"]}))
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:/{name}"
    assert events.put_targets(Rule=name, Targets=[{"Id": "log", "Arn": arn}])["FailedEntryCount"] == 0

bus = events.describe_event_bus(Name="default")["Arn"]
archive = events.create_archive(
    ArchiveName="shop", EventSourceArn=bus, EventPattern=json.dumps({"source": ["shop"]}), RetentionDays=7)
start = datetime.datetime(2026, 3, 1, 10, tzinfo=datetime.timezone.utc)
answer = events.put_events(Entries=[
    {"Source": source, "DetailType": "Order", "Detail": json.dumps({"n": number}),
     "Time": start + datetime.timedelta(minutes=number)}
    for number, source in enumerate(["shop", "shop", "elsewhere", "shop"])
])
assert answer["FailedEntryCount"] == 0
originals = {event["id"]: event for event in lines("/chosen", 3)}
lines("/other", 3)
described = events.describe_archive(ArchiveName="shop")
assert described["EventCount"] == 3 and described["SizeBytes"] > 0, described

# All but the first, for one of the rules.
events.start_replay(
    ReplayName="again", EventSourceArn=archive["ArchiveArn"], EventStartTime=start + datetime.timedelta(seconds=1),
    EventEndTime=start + datetime.timedelta(hours=1),
    Destination={"Arn": bus, "FilterArns": [events.describe_rule(Name="chosen")["Arn"]]})
end = time.monotonic() + 20
while (replay := events.describe_replay(ReplayName="again"))["State"] != "COMPLETED":
    assert time.monotonic() < end, replay
    time.sleep(0.05)
assert replay["EventLastReplayedTime"] == start + datetime.timedelta(minutes=3), replay
assert [found["ReplayName"] for found in events.list_replays(NamePrefix="ag")["Replays"]] == ["again"]

replayed = [event for event in lines("/chosen", 5) if "replay-name" in event]
assert [event["detail"]["n"] for event in replayed] == [1, 3], replayed
for event in replayed:
    assert event.pop("replay-name") == "again"
    assert event == originals[event["id"]], event
lines("/other", 3)
assert events.describe_archive(ArchiveName="shop")["EventCount"] == 3
print(replayed[0]["id"])
