#!/usr/bin/env python3
"""Puts events on the bus in the two ways a ZeroMQ client can."""
import json
import os
import uuid

import zmq

ENDPOINT = os.environ.get("OPSBUS_REQUESTS", "tcp://127.0.0.1:7401")


def entry(number):
    return {"Source": "example.shop", "DetailType": "Order Placed", "Detail": json.dumps({"order": number})}


def publish_one():
    """REQ: ask, wait for the answer."""
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.connect(ENDPOINT)
    body = {"Entries": [entry(1), {"Source": "example.shop", "DetailType": "Order Placed", "Detail": "no JSON"}]}
    socket.send_multipart([b"OPS1", b"", b"events:PutEvents", json.dumps(body).encode()])
    tag, request, status, answer = socket.recv_multipart()
    answer = json.loads(answer)
    print(f"REQ: status {status.decode()}, {answer['FailedEntryCount']} of {len(answer['Entries'])} entries refused")
    print(f"     {answer['Entries'][1]['ErrorCode']}: {answer['Entries'][1]['ErrorMessage']}")


def publish_many(requests, batch):
    """DEALER: keep requests in flight, match the answers by their ids. Each event has an id of ours, so that a request
    whose answer was lost can be sent again without publishing anything twice."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(ENDPOINT)
    waiting = {}
    for number in range(requests):
        entries = [dict(entry(number * batch + i), OpsBusEventId=str(uuid.uuid4())) for i in range(batch)]
        identifier = b"request %d" % number
        waiting[identifier] = entries
        socket.send_multipart([b"OPS1", identifier, b"events:PutEvents", json.dumps({"Entries": entries}).encode()])
    accepted = 0
    while waiting:
        tag, identifier, status, answer = socket.recv_multipart()
        entries = waiting.pop(identifier)
        identifiers = [result["EventId"] for result in json.loads(answer)["Entries"]]
        assert identifiers == [e["OpsBusEventId"] for e in entries], "each event keeps the id it was sent with"
        accepted += len(identifiers)
    print(f"DEALER: {accepted} events in {requests} requests are on the disk")


publish_one()
publish_many(requests=20, batch=50)
