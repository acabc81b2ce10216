"""Publishes as fast as the server acknowledges, and writes down what was acknowledged.

burst.py SOURCE ACKNOWLEDGED REFUSED SENT-MAX

Keeps sixteen requests of twenty-five events in flight, each event with an id of its own. A line of ACKNOWLEDGED is an id
that the server has acknowledged, of REFUSED a status and error code. A request that is refused, or not answered within
two seconds, is sent again with the same ids, as a client that lost its connection does. Ends when all are acknowledged,
or at SIGTERM.
"""

import json
import sys
import time
import uuid

import ops1

source, acknowledged_path, refused_path, sent_max = sys.argv[1:5]
client = ops1.Client()
acknowledged = open(acknowledged_path, "a", buffering=1)
refused = open(refused_path, "a", buffering=1)
remaining = int(sent_max)
waiting = {}  # request id -> (time sent, entries)


def publish(entries):
    request = client.send("events:PutEvents", {"Entries": entries})
    waiting[request] = (time.monotonic(), entries)


def batch():
    return [
        {
            "Source": source,
            "DetailType": "burst",
            "Detail": json.dumps({"text": "x" * 200}),
            "OpsBusEventId": str(uuid.uuid4()),
        }
        for _ in range(25)
    ]


while remaining > 0 or waiting:
    while remaining > 0 and len(waiting) < 16:
        publish(batch())
        remaining -= 25
    if client.socket.poll(200):
        request, status, body = client.receive()
        if request not in waiting:
            continue
        entries = waiting.pop(request)[1]
        if status != 200:
            refused.write(f"{status} {body['__type']}\n")
            time.sleep(0.02)
            publish(entries)
            continue
        again = []
        lines = ""
        for entry, result in zip(entries, body["Entries"]):
            if "ErrorCode" in result:
                refused.write(f"200 {result['ErrorCode']}\n")
                again.append(entry)
            else:
                assert result["EventId"] == entry["OpsBusEventId"], (entry, result)
                lines += entry["OpsBusEventId"] + "\n"
        acknowledged.write(lines)
        acknowledged.flush()
        if again:
            time.sleep(0.02)
            publish(again)
    for request, (sent, entries) in list(waiting.items()):
        if time.monotonic() - sent > 2:
            del waiting[request]
            publish(entries)
