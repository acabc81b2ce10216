#!/usr/bin/env python3
"""Checks files against what they should be, and publishes each verdict as an event over ZeroMQ.

    check_files.py NODE EXPECTATIONS.json

EXPECTATIONS is a list of {"check", "path", "mode"?, "owner"?, "key"?, "value"?}; `check` is what rules know it by,
`key` the first word of a line of the file and `value` the rest of it. Prints a line for each file; with
OPSBUS_REQUESTS set, publishes them too. An event says what was found, not what to do: that is in the rules. Ends with
1 when something is not as it should be, or could not be looked at.
"""
import grp
import json
import os
import pwd
import stat
import sys

import zmq


def setting(path, key):
    """The value of a setting: the rest of the first line that begins with the key; None if there is no such line."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split(None, 1)
            if words and words[0] == key:
                return words[1].strip() if len(words) > 1 else ""
    return None


def inspect(expected):
    """The verdict on a file, and what is wrong with it: a list of texts, empty where all is well."""
    try:
        wrong = differences(expected)
    except FileNotFoundError:
        return "NON_COMPLIANT", ["it does not exist"]
    except OSError as error:
        return "UNKNOWN", [f"it could not be looked at: {error.strerror}"]
    return "NON_COMPLIANT" if wrong else "COMPLIANT", wrong


def differences(expected):
    path = expected["path"]
    status = os.stat(path)
    wrong = []
    mode = format(stat.S_IMODE(status.st_mode), "04o")
    if "mode" in expected and mode != expected["mode"]:
        wrong.append(f"mode is {mode}, should be {expected['mode']}")
    if "owner" in expected:
        owner = f"{pwd.getpwuid(status.st_uid).pw_name}:{grp.getgrgid(status.st_gid).gr_name}"
        if owner != expected["owner"]:
            wrong.append(f"owner is {owner}, should be {expected['owner']}")
    if "key" in expected:
        value = setting(path, expected["key"])
        if value != expected["value"]:
            wrong.append(f"{expected['key']} is {value!r}, should be {expected['value']!r}")
    return wrong


def publish(endpoint, entries):
    """Puts events on the bus; returns their ids. The answer comes when they are on the disk."""
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 10_000)
    socket.connect(endpoint)
    socket.send_multipart([b"OPS1", b"1", b"events:PutEvents", json.dumps({"Entries": entries}).encode()])
    _, _, status, body = socket.recv_multipart()
    answer = json.loads(body)
    if status != b"200" or answer["FailedEntryCount"]:
        sys.exit(f"publishing failed: {body.decode()}")
    return [entry["EventId"] for entry in answer["Entries"]]


def main():
    node, expectations = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
    details = []
    for expected in expectations:
        verdict, findings = inspect(expected)
        print(f"  {expected['path']}: " + ("; ".join(findings) or "as it should be"))
        details.append({
            "status": verdict, "check": expected["check"], "node": node, "path": expected["path"], "findings": findings,
        })
    if "OPSBUS_REQUESTS" in os.environ:
        entries = [
            {"Source": "opsbus.checker", "DetailType": "Compliance Change", "Detail": json.dumps(detail)}
            for detail in details
        ]
        for detail, event in zip(details, publish(os.environ["OPSBUS_REQUESTS"], entries)):
            if detail["status"] == "NON_COMPLIANT":
                print(f"  event {event}: {detail['path']}")
    sys.exit(0 if all(detail["status"] == "COMPLIANT" for detail in details) else 1)


if __name__ == "__main__":
    main()
