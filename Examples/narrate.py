#!/usr/bin/env python3
"""Subscribes to the stream and tells each step of a repair in plain words, until the runbook has ended."""
import json
import os
import sys

import zmq

WORDS = {"InProgress": "has begun", "Success": "is done", "Failed": "has FAILED", "TimedOut": "ran out of time"}


def tell(topic, body):
    """One line for a message; None for those that a reader does not need."""
    kind = topic.split("/")[0]
    status = WORDS.get(body.get("Status"), body.get("Status"))
    if kind == "event" and body["source"] == "opsbus.checker":
        return f"event: {body['detail']['path']} is {body['detail']['status']}"
    if kind == "automation":
        if "StepName" in body:
            return f"runbook step {body['StepName']} ({body['Action']}) {status}"
        return f"runbook {body['DocumentName']} {status}"
    if kind == "command" and "StepName" not in body:
        where = f" on {body['InstanceId']}" if "InstanceId" in body else ""
        return f"command{where} {status}"
    if kind == "topic":
        return f"message to {topic.split('/')[1]}: {body['Message'].splitlines()[0][:90]}"
    return None


def main():
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 60_000)
    socket.connect(os.environ["OPSBUS_STREAM"])
    for prefix in ["event/default/opsbus.checker/", "automation/", "command/", "topic/", "system/heartbeat/"]:
        socket.setsockopt_string(zmq.SUBSCRIBE, prefix)
    while True:
        topic, _, payload = socket.recv_multipart()
        if topic == b"system/heartbeat/":
            # The first heartbeat says that the subscription is in force: from here on nothing is missed.
            if len(sys.argv) > 1 and not os.path.exists(sys.argv[1]):
                open(sys.argv[1], "w", encoding="utf-8").close()
            continue
        topic, body = topic.decode(), json.loads(payload)
        line = tell(topic, body)
        if line:
            print(f"  {line}", flush=True)
        is_runbook = topic.startswith("automation/") and "StepName" not in body
        if is_runbook and body["Status"] not in ("Pending", "InProgress"):
            return


if __name__ == "__main__":
    main()
