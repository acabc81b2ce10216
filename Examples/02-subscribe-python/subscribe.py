#!/usr/bin/env python3
"""A subscriber that resumes: subscribe.py PREFIX PLACE-FILE COUNT

Prints the detail of each event as a line, notes its sequence in PLACE-FILE, and ends after COUNT lines in all.
"""
import json
import os
import struct
import sys

import zmq

PREFIX, PLACE, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
REQUESTS = os.environ.get("OPSBUS_REQUESTS", "tcp://127.0.0.1:7401")
STREAM = os.environ.get("OPSBUS_STREAM", "tcp://127.0.0.1:7402")


def load_place():
    """The epoch of the journal and the last sequence handled there."""
    try:
        with open(PLACE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"epoch": None, "sequence": 0, "handled": 0}


def handle(place, sequence, body):
    """Handles an event and notes that: here both are one line of output and one small file."""
    print(body["detail"]["number"], flush=True)
    place["sequence"] = sequence
    place["handled"] += 1
    with open(PLACE + ".new", "w", encoding="utf-8") as file:
        json.dump(place, file)
    os.replace(PLACE + ".new", PLACE)


def read_backlog(place):
    """Handles everything after the place, in order."""
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.connect(REQUESTS)
    after = place["sequence"]
    while place["handled"] < COUNT:
        request = {"TopicPrefixes": [PREFIX], "AfterSequence": after, "Limit": 1000}
        if place["epoch"]:
            request["Epoch"] = place["epoch"]  # a fresh or restored journal is an error, not a silent gap
        socket.send_multipart([b"OPS1", b"", b"bus:ReadStream", json.dumps(request).encode()])
        _, _, status, answer = socket.recv_multipart()
        answer = json.loads(answer)
        if status != b"200":
            sys.exit(f"{answer['__type']}: {answer['message']}")
        place["epoch"] = answer["Epoch"]
        for message in answer["Messages"]:
            handle(place, message["Sequence"], message["Body"])
            if place["handled"] == COUNT:
                return
        if answer["NextSequence"] == after:
            return
        after = answer["NextSequence"]


def main():
    place = load_place()
    live = zmq.Context.instance().socket(zmq.SUB)
    live.connect(STREAM)
    live.setsockopt_string(zmq.SUBSCRIBE, PREFIX)
    live.setsockopt_string(zmq.SUBSCRIBE, "system/heartbeat/")
    # The first heartbeat says that the subscription is in force; what came before is in the backlog.
    while live.recv_multipart()[0] != b"system/heartbeat/":
        pass
    read_backlog(place)
    while place["handled"] < COUNT:
        topic, numbers, payload = live.recv_multipart()
        sequence, previous = struct.unpack(">QQ", numbers)
        if topic == b"system/heartbeat/" or sequence <= place["sequence"]:
            continue
        if previous > place["sequence"]:
            read_backlog(place)  # the predecessor never came: read what was dropped, this message included
        else:
            handle(place, sequence, json.loads(payload))


main()
