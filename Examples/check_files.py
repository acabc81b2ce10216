#!/usr/bin/env python3
"""Checks files against what they should be, and publishes each verdict as an event over ZeroMQ.

    check_files.py NODE EXPECTATIONS.json

EXPECTATIONS is a list of {"path", "mode"?, "owner"?, "key"?, "value"?}; `key` is the first word of a line of the file and
`value` the rest of it. Prints a line for each file; with OPSBUS_REQUESTS set, publishes them too. Ends with 1 when
something is not as it should be.
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
    """What is wrong with a file: a list of texts, empty where all is well."""
    path = expected["path"]
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return ["it does not exist"]
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
    entries = []
    drifted = False
    for expected in expectations:
        wrong = inspect(expected)
        drifted = drifted or bool(wrong)
        print(f"  {expected['path']}: " + ("; ".join(wrong) if wrong else "as it should be"))
        detail = {
            "status": "NON_COMPLIANT" if wrong else "COMPLIANT",
            "kind": "file",
            "node": node,
            "path": expected["path"],
            "findings": wrong,
            "expected": {key: expected[key] for key in expected if key != "path"},
        }
        entries.append(
            {"Source": "opsbus.checker", "DetailType": "Compliance Change", "Detail": json.dumps(detail)})
    if "OPSBUS_REQUESTS" in os.environ:
        for expected, entry, event in zip(expectations, entries, publish(os.environ["OPSBUS_REQUESTS"], entries)):
            if '"NON_COMPLIANT"' in entry["Detail"]:
                print(f"  event {event}: {expected['path']}")
    sys.exit(1 if drifted else 0)


if __name__ == "__main__":
    main()
