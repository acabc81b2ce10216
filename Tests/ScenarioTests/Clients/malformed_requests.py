"""Sends requests that no client should, and checks that every one is answered as the bus protocol says.

malformed_requests.py SEED COUNT

First known faults with the answer that each must get, then COUNT requests changed at random, as the seed says.
Prints how often each status came.
"""

import collections
import json
import random
import sys

import zmq

import ops1

seed, count = int(sys.argv[1]), int(sys.argv[2])
chance = random.Random(seed)
client = ops1.Client()
statuses = collections.Counter()

PUBLISH = json.dumps({"Entries": [{"Source": "a.b", "DetailType": "t", "Detail": "{}"}]}).encode()
FAULTS = [
    ([b"OPS2", b"1", b"events:PutEvents", PUBLISH], 400, "MalformedRequest"),
    ([b"OPS1"], 400, "MalformedRequest"),
    ([b""], 400, "MalformedRequest"),
    ([b"OPS1", b"1"], 400, "MalformedRequest"),
    ([b"OPS1", b"1", b"events:PutEvents"], 400, "MalformedRequest"),
    ([b"OPS1", b"1", b"events:PutEvents", PUBLISH, b"more"], 400, "MalformedRequest"),
    ([b"OPS1"] + [b"x"] * 200, 400, "MalformedRequest"),
    ([b"OPS1", b"x" * 65, b"events:PutEvents", PUBLISH], 400, "MalformedRequest"),
    ([b"OPS1", b"1", b"\xff\xfe", b"{}"], 400, "MalformedRequest"),
    ([b"OPS1", b"1", b"", b"{}"], 404, "UnknownOperationException"),
    ([b"OPS1", b"1", b"events:NoSuchThing", b"{}"], 404, "UnknownOperationException"),
    ([b"OPS1", b"1", b"x" * 100_000, b"{}"], 404, "UnknownOperationException"),
    ([b"OPS1", b"1", b"events:PutEvents", b"x" * (4 << 20) + b"x"], 413, "RequestEntityTooLarge"),
    ([b"OPS1", b"1", b"events:ListRules", b" " * (4 << 20) + b" "], 413, "RequestEntityTooLarge"),
]
# Publishing has a reader of its own, to which these are JSON of the wrong shape.
for body in [b"[]", b"null", b"1"]:
    FAULTS.append(([b"OPS1", b"1", b"events:PutEvents", body], 400, "ValidationException"))
    FAULTS.append(([b"OPS1", b"1", b"events:ListRules", body], 400, "SerializationException"))
for body in [b"", b"{", b"{} {}", b"{'a': 1}", b'{"a": "\xff"}', b"[" * 100_000, b'{"a":' * 2000, b"\x00"]:
    for operation in [b"events:PutEvents", b"events:ListRules", b"bus:ReadStream"]:
        FAULTS.append(([b"OPS1", b"1", operation, body], 400, "SerializationException"))


def answer(frames):
    """The status and the body of the answer to a message."""
    client.socket.send_multipart(frames)
    try:
        reply = client.receive()
    except (AssertionError, ValueError) as error:
        sys.exit(f"seed {seed}: an answer that is none to {frames!r:.500}: {error}")
    if reply is None:
        sys.exit(f"seed {seed}: no answer to {frames!r:.500}")
    identifier, status, body = reply
    assert status in ops1.STATUSES, (seed, frames, reply)
    assert isinstance(body, dict), (seed, frames, reply)
    assert status == 200 or (body["__type"] and body["message"]), (seed, frames, reply)
    statuses[status] += 1
    return identifier, status, body


for frames, status, code in FAULTS:
    found = answer(frames)
    assert found[1] == status and found[2]["__type"] == code, (frames[:3], frames[-1][:40], found)

ORIGINALS = [
    (b"events:PutEvents", PUBLISH),
    (b"events:PutCloudEvents", b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":{"x":[1,2.5e3,"\\u00e9"]}}'),
    (b"events:PutRule", b'{"Name":"fuzzed","EventPattern":"{\\"source\\":[{\\"prefix\\":\\"a\\"}]}"}'),
    (b"events:PutTargets", b'{"Rule":"fuzzed","Targets":[{"Id":"1","Arn":"arn:aws:logs:::log-group:/fuzzed"}]}'),
    (b"events:TestEventPattern", b'{"EventPattern":"{\\"a\\":[{\\"numeric\\":[\\">\\",1]}]}","Event":"{\\"a\\":2}"}'),
    (b"events:ListRules", b'{"NamePrefix":"f","Limit":10}'),
    (b"ssm:CreateDocument", b'{"Name":"Fuzzed","Content":"schemaVersion: \'2.2\'\\nmainSteps: []","DocumentFormat":"YAML"}'),
    (b"ssm:SendCommand", b'{"DocumentName":"AWS-RunShellScript","InstanceIds":["mi-00000000000000000"],"Parameters":{"commands":["true"]}}'),
    (b"ssm:GetAutomationExecution", b'{"AutomationExecutionId":"5f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11"}'),
    (b"sns:Publish", b'{"TopicArn":"arn:aws:sns:us-east-1:123456789012:t","Message":"m"}'),
    (b"logs:FilterLogEvents", b'{"logGroupName":"/fuzzed","limit":5}'),
    (b"bus:ReadStream", b'{"TopicPrefixes":["event/"],"AfterSequence":0,"Limit":10}'),
    (b"bus:Acknowledge", b'{"Subscriber":"fuzzed","Sequence":1}'),
]
# What breaks readers of JSON and of frames more often than random bytes do.
PIECES = [b"{", b"}", b"[", b'"', b"\\", b"\\u", b"\\ud800", b"null", b"-", b"1e999", b"9" * 30, b"\x00", b"\xff", b"\xc3", b",", b":", b"%", b"/", b"*", b"$."]


def changed(data):
    data = bytearray(data)
    for _ in range(chance.randint(1, 2)):
        at = chance.randint(0, len(data))
        what = chance.randrange(5)
        if what == 0 and at < len(data):
            data[at] = chance.randrange(256)
        elif what == 1 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif what == 2:
            del data[at : at + chance.randint(1, 20)]
        elif what == 3:
            data[at:at] = chance.choice(PIECES)
        else:
            end = chance.randint(at, len(data))
            data[at:at] = data[at:end]
    return bytes(data)


for number in range(count):
    operation, body = chance.choice(ORIGINALS)
    frames = [b"OPS1", b"%d" % number, operation, body]
    # The body most often: it has most to get wrong.
    place = chance.choice([0, 1, 2, 3, 3, 3, 3, 3, 3, 4])
    if place < 4:
        frames[place] = changed(frames[place])
    elif chance.random() < 0.5:
        frames.insert(chance.randrange(5), chance.randbytes(chance.randrange(20)))
    else:
        del frames[chance.randrange(4)]
    identifier = answer(frames)[0]
    if place == 3:
        assert identifier == frames[1], (seed, frames, identifier)
print(json.dumps(dict(sorted(statuses.items()))))
