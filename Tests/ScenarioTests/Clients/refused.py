"""Tries what a stranger, and a key that is allowed next to nothing, must not do.

refused.py strangers KEY-FILE        no key, a key not registered: no socket answers anything
refused.py operations < LIST         every operation named on standard input answers 403 to this environment's key
refused.py nodes                     every message of agents is refused to this environment's key
refused.py subscription PREFIX       no message comes on the prefix, though some are sent, until standard input ends
"""

import json
import sys
import uuid

import zmq

import ops1


def strangers(path):
    for keys in (None, ops1.keys_of(path)):
        for name, kind in (("requests", zmq.DEALER), ("nodes", zmq.DEALER), ("stream", zmq.SUB)):
            made = ops1.socket(kind, name, keys)
            if kind == zmq.SUB:
                made.subscribe(b"")
            else:
                made.sndtimeo = 500
                try:
                    made.send_multipart([b"OPS1", b"Register" if name == "nodes" else b"1", b"bus:DescribeStream", b"{}"])
                except zmq.Again:
                    pass
            # A second heartbeat would have come in this time.
            assert not made.poll(2500), (name, keys, made.recv_multipart())


def operations():
    client = ops1.Client()
    names = sys.stdin.read().split()
    for name in names:
        # Who one is, one may always ask.
        if name == "sts:GetCallerIdentity":
            assert client.call(name, {})[1]["UserId"] == "nobody"
            continue
        # A session may no more than who asks for it.
        if name == "sts:GetSessionToken":
            assert client.call(name, {})[0] == 200
            continue
        for body in ({}, {"Name": "x"}, b"not json"):
            status, answer = client.call(name, body)
            # An operation whose body is no JSON may say that first.
            allowed = {403} if body != b"not json" else {400, 403}
            assert status in allowed, (name, body, status, answer)
            if status == 403:
                assert answer["__type"] == "AccessDeniedException" and answer["message"], answer
    print(len(names))


def nodes():
    kinds = ["Register", "Heartbeat", "Accepted", "StepStarted", "Output", "StepFinished", "Finished"]
    servers = ["Registered", "Refused", "Run", "OutputCredit", "FinishedReceived", "Cancel"]
    body = {"CommandId": str(uuid.uuid4()), "StepName": "a", "Action": "b", "Status": "Success", "ResponseCode": 0,
            "Stream": "stdout", "Offset": 0, "StatusDetails": "Success", "Fingerprint": "f", "Steps": []}
    for kind in kinds + servers:
        dealer = ops1.socket(zmq.DEALER, "nodes")
        dealer.send_multipart([b"OPS1", kind.encode(), json.dumps(body).encode()])
        assert dealer.poll(15000), ("no answer", kind)
        answer = dealer.recv_multipart()
        assert answer[1] == b"Refused", (kind, answer)
        dealer.close()
    print(len(kinds) + len(servers))


def subscription(prefix):
    made = ops1.socket(zmq.SUB, "stream")
    made.subscribe(prefix.encode())
    made.subscribe(b"system/heartbeat/")
    heartbeats = 0
    while heartbeats < 4:
        assert made.poll(15000), "no heartbeat"
        topic = made.recv_multipart()[0]
        assert topic.startswith(b"system/"), topic
        heartbeats += 1


{"strangers": strangers, "operations": operations, "nodes": nodes, "subscription": subscription}[sys.argv[1]](*sys.argv[2:])
