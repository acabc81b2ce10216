"""The bus protocol OPS1 as a client in Python sees it: what the other programs here share."""

import json
import os
import uuid

import zmq

STATUSES = {200, 400, 403, 404, 413, 429, 500, 503}


def endpoint(name):
    """The endpoint that the environment names: requests, stream or nodes."""
    return os.environ["OPSBUS_" + name.upper()]


def keys_of(path):
    """The public and the secret key of a file of `opsbus keys generate`: lines `public KEY` and `secret KEY`."""
    with open(path) as file:
        keys = dict(line.split() for line in file)
    return keys["public"].encode(), keys["secret"].encode()


def socket(kind, name, keys=None):
    """A connected socket; encrypted where the environment names keys, or the caller gives (public, secret)."""
    made = zmq.Context.instance().socket(kind)
    made.linger = 0
    server_key = os.environ.get("OPSBUS_SERVER_KEY")
    if keys is None and "OPSBUS_CLIENT_KEY" in os.environ:
        keys = keys_of(os.environ["OPSBUS_CLIENT_KEY"])
    if keys and server_key:
        made.curve_serverkey = keys_of(server_key)[0] if os.path.exists(server_key) else server_key.encode()
        made.curve_publickey, made.curve_secretkey = keys
    if kind == zmq.SUB:
        made.rcvhwm = 0
    made.connect(endpoint(name))
    return made


class Client:
    """Calls operations one at a time."""

    def __init__(self, seconds=15, keys=None):
        self.socket = socket(zmq.DEALER, "requests", keys)
        self.seconds = seconds

    def send(self, operation, body, identifier=None):
        identifier = identifier or uuid.uuid4().bytes
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.socket.send_multipart([b"OPS1", identifier, operation.encode(), text])
        return identifier

    def receive(self):
        """The next reply: (identifier, status, body); None where none comes in time."""
        if not self.socket.poll(self.seconds * 1000):
            return None
        frames = self.socket.recv_multipart()
        # The delimiter is there where the request had one.
        if not frames[0]:
            del frames[0]
        assert len(frames) == 4 and frames[0] == b"OPS1", frames
        return frames[1], int(frames[2]), json.loads(frames[3])

    def call(self, operation, body):
        """(status, body); None where no reply comes in time."""
        sent = self.send(operation, body)
        reply = self.receive()
        if reply is None:
            return None
        assert reply[0] == sent, reply
        return reply[1], reply[2]


def read_stream(client, prefixes, after=0, epoch=None, limit=1000):
    """Every retained message after a sequence, in order; and where to go on."""
    messages = []
    while True:
        request = {"TopicPrefixes": prefixes, "AfterSequence": after, "Limit": limit}
        if epoch:
            request["Epoch"] = epoch
        status, body = client.call("bus:ReadStream", request)
        assert status == 200, body
        messages += body["Messages"]
        if body["NextSequence"] == after:
            return messages, after
        after = body["NextSequence"]
