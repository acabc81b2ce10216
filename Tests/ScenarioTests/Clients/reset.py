"""Resets a server and finds it as it was when it was new.

reset.py ENDPOINT TOKEN DATABASE
"""

import http.client
import json
import sqlite3
import statistics
import sys
import time
import urllib.parse

endpoint, token, database = sys.argv[1:4]
connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=30)

# Said of the machine or of the journal, neither of which a reset changes.
KEPT_TABLES = {"schema_versions", "audit", "audit_chain", "keys", "access_keys", "nodes", "node_tags"}
KEPT_ANSWERS = ("audit:", "bus:DescribeStream", "bus:ReadStream", "bus:ListKeys", "iam:", "ssm:DescribeInstanceInformation", "opsbus:")
# One row for each reader of the journal.
CURSORS = "journal_cursors"


def call(name, body=None):
    headers = {"X-Amz-Target": f"OpsBus.{name}", "Content-Type": "application/x-amz-json-1.1"}
    connection.request("POST", "/", json.dumps(body or {}), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def make(name, body):
    status, answer = call(name, body)
    assert status == 200, (name, status, answer)
    return answer


def reset():
    began = time.monotonic()
    connection.request("POST", "/_opsbus/reset", headers={"X-OpsBus-Reset-Token": token})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return time.monotonic() - began


def timeless(value):
    """Without what tells when something was made."""
    if isinstance(value, list):
        return [timeless(item) for item in value]
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if not key.endswith(("Date", "Time"))}
    return value


def answers():
    """What every operation that only reads says when it is asked nothing in particular."""
    names = [item["Name"] for item in make("opsbus:ListOperations", {})["Operations"] if item["Effect"] == "reads"]
    said = {}
    for name in names:
        if not name.startswith(KEPT_ANSWERS):
            status, answer = call(name)
            if status == 200:
                said[name] = timeless(answer)
    return said


def rows():
    source = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    tables = [name for (name,) in source.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
    counts = {name: source.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    source.close()
    assert KEPT_TABLES <= set(tables), KEPT_TABLES - set(tables)
    return {name: count for name, count in counts.items() if name not in KEPT_TABLES}


reset()
fresh_answers, fresh_rows = answers(), rows()
assert len(fresh_answers) > 10, list(fresh_answers)

# Something of everything.
node = make("ssm:DescribeInstanceInformation", {})["InstanceInformationList"][0]["InstanceId"]
topic = make("sns:CreateTopic", {"Name": "t"})["TopicArn"]
make("events:CreateEventBus", {"Name": "b"})
make("events:PutRule", {"Name": "r", "EventPattern": '{"source":["a"]}'})
make("events:PutRule", {"Name": "s", "ScheduleExpression": "rate(1 hour)"})
make("logs:CreateLogGroup", {"logGroupName": "g"})
make("sqs:CreateQueue", {"QueueName": "q"})
make("events:PutTargets", {"Rule": "r", "Targets": [
    {"Id": "1", "Arn": topic}, {"Id": "2", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:g"},
    {"Id": "3", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:none"}]})
make("events:PutEvents", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]})
make("bus:Acknowledge", {"Subscriber": "x", "Sequence": 1})
make("ssm:CreateActivation", {"IamRole": "x"})
script = {"schemaVersion": "2.2", "mainSteps": [
    {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["sleep 30"]}}]}
make("ssm:CreateDocument", {"Name": "long", "Content": json.dumps(script), "DocumentType": "Command"})
make("ssm:SendCommand", {"DocumentName": "long", "InstanceIds": [node]})
sleep = {"schemaVersion": "0.3", "mainSteps": [
    {"action": "aws:sleep", "name": "a", "inputs": {"Duration": "PT1H"}}]}
make("ssm:CreateDocument", {"Name": "sleep", "Content": json.dumps(sleep), "DocumentType": "Automation"})
make("ssm:StartAutomationExecution", {"DocumentName": "sleep"})
for _ in range(200):
    if make("logs:DescribeLogStreams", {"logGroupName": "g"})["logStreams"]:
        break
    time.sleep(0.05)
before = rows()
assert sum(before.values()) > sum(fresh_rows.values()) + 15, before
assert answers() != fresh_answers

reset()
for name, answer in answers().items():
    assert answer == fresh_answers[name], (name, fresh_answers[name], answer)
after = rows()
assert after == fresh_rows, {name: count for name, count in after.items() if count != fresh_rows[name]}

# The node is there and takes commands; the one that ran has been ended.
make("ssm:CreateDocument", {"Name": "short", "DocumentType": "Command",
                            "Content": json.dumps(script).replace("sleep 30", "true")})
command = make("ssm:SendCommand", {"DocumentName": "short", "InstanceIds": [node]})["Command"]["CommandId"]
for _ in range(400):
    status, answer = call("ssm:GetCommandInvocation", {"CommandId": command, "InstanceId": node})
    if answer.get("Status") == "Success":
        break
    time.sleep(0.05)
assert answer.get("Status") == "Success", answer

# What the journal held before matches nothing now.
make("logs:CreateLogGroup", {"logGroupName": "g"})
make("events:PutRule", {"Name": "r", "EventPattern": '{"source":["a"]}'})
make("events:PutTargets", {"Rule": "r", "Targets": [
    {"Id": "2", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:g"}]})
make("events:PutEvents", {"Entries": [{"Source": "a", "DetailType": "new", "Detail": "{}"}]})
for _ in range(200):
    found = make("logs:FilterLogEvents", {"logGroupName": "g"})["events"]
    if found:
        break
    time.sleep(0.05)
assert [json.loads(event["message"])["detail-type"] for event in found] == ["new"], found
records = make("audit:ListRecords", {"Subject": "state/all"}).get("Records", [])
assert len(records) == 2 and all(record["Action"] == "Reset" for record in records), records

times = [reset() for _ in range(20)]
print(f"median {statistics.median(times) * 1000:.1f} ms")
assert statistics.median(times) < 0.5, times
