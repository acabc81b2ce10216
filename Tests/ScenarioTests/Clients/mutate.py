"""Sends damaged messages to all three sockets; every one must be answered as the contract says, and the server go on.

mutate.py SEED COUNT

Prints how often each status came. Every failure names what was sent.
"""

import collections
import json
import os
import random
import socket
import sys
import uuid

import zmq

import ops1

seed, count = int(sys.argv[1]), int(sys.argv[2])
chance = random.Random(seed)

DOCUMENT = "schemaVersion: '2.2'\nmainSteps: [{action: 'aws:runShellScript', name: a, inputs: {runCommand: [id]}}]"
REQUESTS = [
    ("events:PutEvents", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": '{"n": 1}', "Time": 1}]}),
    ("events:PutEvents", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": '{"\\u00e9": [1.5e3]}',
                                       "OpsBusEventId": "6f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11"}]}),
    ("events:PutCloudEvents", {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {"n": 1}}),
    ("events:PutRule", {"Name": "r", "EventPattern": '{"source": [{"prefix": "a"}], "detail": {"n": [{"numeric": [">", 0]}]}}'}),
    ("events:PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:aws:logs:::log-group:/x"}]}),
    ("events:TestEventPattern", {"Event": '{"id":"1","source":"a"}', "EventPattern": '{"source":["a"]}'}),
    ("events:ListRules", {"NamePrefix": "r", "Limit": 10}),
    ("bus:ReadStream", {"TopicPrefixes": ["event/"], "AfterSequence": 0, "Limit": 5}),
    ("bus:Acknowledge", {"Subscriber": "s", "Sequence": 0}),
    ("bus:PutKey", {"Name": "k", "PublicKey": "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "Allow": ["ssm:*"]}),
    ("ssm:CreateDocument", {"Name": "D", "Content": DOCUMENT, "DocumentType": "Command", "DocumentFormat": "YAML"}),
    ("ssm:SendCommand", {"DocumentName": "D", "InstanceIds": ["mi-0123456789abcdef0"]}),
    ("ssm:GetAutomationExecution", {"AutomationExecutionId": str(uuid.uuid4())}),
    ("sns:Publish", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m"}),
    ("logs:FilterLogEvents", {"logGroupName": "/x", "limit": 3}),
    ("audit:ListRecords", {"Limit": 3}),
]
HOSTILE = [b"", b"\x00", b"\xff\xfe", b"{", b"[]", b"null", b"1e999", b'{"a":1,"a":2}', b'"\\ud800"', b"[" * 5000,
           b'{"a":' * 5000, b'{"Entries":' + b"9" * 4000 + b"}", b"{}" * 10]


def damaged(data):
    """The bytes with a few changes."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[place:place] = chance.choice([b"\x00", b"\xff", b'"', b"{", b"]", b"\\", b"9" * 40, b"\xed\xa0\x80"])
        elif kind == 2:
            del data[place : place + chance.randint(1, 8)]
        elif kind == 3:
            del data[place:]
        elif data:
            data[place % len(data)] = chance.randrange(256)
    return bytes(data)


def request():
    """Frames after the request id of something not quite right."""
    operation, body = chance.choice(REQUESTS)
    operation, body = operation.encode(), json.dumps(body).encode()
    kind = chance.randrange(10)
    if kind < 6:
        body = damaged(body)
    elif kind == 6:
        operation = damaged(operation)
    elif kind == 7:
        body = chance.choice(HOSTILE)
    elif kind == 8:
        return [operation, body, body]
    return [operation, body][: 1 if kind == 9 and chance.random() < 0.2 else 2]


def check_reply(frames, sent):
    assert len(frames) == 4 and frames[0] == b"OPS1", (sent, frames)
    status, body = int(frames[2]), json.loads(frames[3])
    assert status in ops1.STATUSES and status != 500, (sent, frames)
    if status != 200:
        assert body["__type"] and body["message"], (sent, frames)
    return status


def requests():
    """Every request is answered under its id, once."""
    seen = collections.Counter()
    dealer = ops1.socket(zmq.DEALER, "requests")
    for _ in range(count):
        identifier = uuid.uuid4().bytes
        rest = request()
        dealer.send_multipart([b"OPS1", identifier] + rest)
        assert dealer.poll(15000), ("no answer", rest)
        frames = dealer.recv_multipart()
        assert frames[1] == identifier, (rest, frames)
        seen[check_reply(frames, rest)] += 1
    # Messages whose own frame is broken; what cannot be told apart is answered with an empty id.
    for frames in ([b""], [b"", b""], [b"OPS2", b"1", b"events:ListRules", b"{}"], [b"OPS1"], [b"OPS1", b"1"],
                   [b"OPS1", b"x" * 65, b"events:ListRules", b"{}"], [b"OPS1", b"1", b"\xff\xff", b"{}"],
                   [b"OPS1", b"1", b"x" * 100000, b"{}"], [b"OPS1", b"1", b"events:ListRules", b"{}"] + [b"x"] * 50,
                   [b"OPS1", b"1", b"events:PutEvents", b" " * (8 << 20) + b"{}"], [b"\x00" * 200000]):
        dealer.send_multipart(frames)
        assert dealer.poll(15000), ("no answer", [frame[:40] for frame in frames])
        answer = dealer.recv_multipart()
        answer = answer[1:] if answer[0] == b"" else answer
        status = check_reply(answer, [frame[:40] for frame in frames])
        assert status in (400, 404, 413), answer
        seen[status] += 1
    return seen


def nodes():
    """Nobody who has not registered gets anything but a refusal, whatever he sends."""
    kinds = ["Register", "Heartbeat", "Accepted", "StepStarted", "Output", "StepFinished", "Finished", "Run", "Cancel",
             "Registered", "Refused", "OutputCredit", "FinishedReceived", "Nonsense"]
    command = str(uuid.uuid4())
    answered = 0
    for index in range(count // 4):
        dealer = ops1.socket(zmq.DEALER, "nodes")
        body = {"CommandId": command, "StepName": "a", "Action": "aws:runShellScript", "Status": "Success",
                "Stream": "stdout", "Offset": 0, "StatusDetails": "Success", "Fingerprint": "f", "ActivationId": "x",
                "ActivationCode": "y", "NodeId": "mi-0123456789abcdef0", "ResponseCode": 0, "Steps": []}
        frames = [b"OPS1", kinds[index % len(kinds)].encode(), json.dumps(body).encode()]
        place = chance.randrange(6)
        if place < 3:
            frames[place] = damaged(frames[place])
        elif place == 3:
            frames = frames[: chance.randrange(4)] + [chance.choice(HOSTILE)] * chance.randrange(4)
        dealer.send_multipart(frames or [b""])
        assert dealer.poll(15000), ("no answer", frames)
        answer = dealer.recv_multipart()
        assert answer[:2] == [b"OPS1", b"Refused"], (frames, answer)
        refusal = json.loads(answer[2])
        assert refusal["Code"] and refusal["Message"], (frames, answer)
        answered += 1
        dealer.close()
    return answered


def stream():
    """The stream takes subscriptions only; anything else changes nothing."""
    raw = ops1.socket(zmq.XSUB, "stream")
    for _ in range(count):
        raw.send(bytes(chance.randrange(256) for _ in range(chance.randrange(40))))
    raw.send_multipart([b"\x01event/", b"more", b""])
    # One that is too large is hung up on, and only that one.
    large = ops1.socket(zmq.XSUB, "stream")
    large.send(b"\x01" + b"p" * 100000)
    raw.send(b"\x01system/heartbeat/")
    assert raw.poll(15000), "no heartbeat after nonsense"


def connections():
    """Bytes that are no ZeroMQ at all, on every socket."""
    for name in ("requests", "stream", "nodes"):
        for _ in range(count // 20):
            plain = socket.socket(socket.AF_UNIX)
            plain.connect(ops1.endpoint(name).removeprefix("ipc://"))
            greeting = bytes.fromhex("ff00000000000000017f03004e554c4c") + b"\x00" * 48
            try:
                plain.sendall(chance.choice([b"GET / HTTP/1.0\r\n\r\n", os.urandom(200), damaged(greeting),
                                             greeting + damaged(b"\x04\x26\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER")]))
            except BrokenPipeError:
                pass  # Hung up on while still sending: a fair answer.
            plain.close()


try:
    connections()
    stream()
    refused = nodes()
    seen = requests()
    status, body = ops1.Client().call("bus:DescribeStream", {})
    assert status == 200, body
    print(json.dumps({"Seed": seed, "Requests": dict(sorted(seen.items())), "NodesRefused": refused}))
except AssertionError:
    print(f"seed {seed}", file=sys.stderr)
    raise
