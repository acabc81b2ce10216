"""Speaks nonsense on every socket: to the nodes socket, to the stream as no subscriber does, and below ZeroMQ itself.

malformed_sockets.py SEED COUNT

Nothing but what the bus protocol names may come back; that the server goes on is for others to see.
"""

import random
import socket
import sys

import zmq

import ops1

seed, count = int(sys.argv[1]), int(sys.argv[2])
chance = random.Random(seed)
FROM_SERVER = {b"Registered", b"Refused", b"Heartbeat", b"Run", b"OutputCredit", b"FinishedReceived", b"Cancel"}
COMMAND = b'{"CommandId":"5f0c53ad-1d1f-4c5a-9a55-7f3a4c9d2b11","StepName":"s","Action":"a","Time":"2026-01-01T00:00:00Z","Stream":"stdout","Offset":0,"Status":"Success","ResponseCode":0,"EndTime":"2026-01-01T00:00:00Z","StatusDetails":"Success","Steps":[]}'
NODE_MESSAGES = [[b"OPS1", b"Register", b'{"Fingerprint":"f","ActivationId":"a","ActivationCode":"c","Commands":["x"]}']]
for kind in [b"Heartbeat", b"Accepted", b"StepStarted", b"Output", b"StepFinished", b"Finished", b"Run", b"Cancel", b"Nonsense"]:
    NODE_MESSAGES.append([b"OPS1", kind, COMMAND])


def changed(data):
    data = bytearray(data)
    for _ in range(chance.randint(0, 4)):
        at = chance.randint(0, len(data))
        data[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 5))
    return bytes(data)


def nodes():
    node = ops1.socket(zmq.DEALER, "nodes")

    def answer(frames):
        node.send_multipart(frames)
        if not node.poll(15_000):
            sys.exit(f"seed {seed}: no answer on the nodes socket to {frames!r:.500}")
        reply = node.recv_multipart()
        assert reply[0] == b"OPS1" and reply[1] in FROM_SERVER, (seed, frames, reply)
        # Nobody was let in as a node.
        assert reply[1] == b"Refused", (seed, frames, reply)

    for frames in [[b""], [b"OPS1"], [b"OPS1", b"Heartbeat"], [b"OPS1", b"Heartbeat", b"{"], [b"OPS1"] * 50]:
        answer(frames)
    for frames in NODE_MESSAGES:
        answer(frames)
    answer([b"OPS1", b"Output", COMMAND, b"x" * (5 << 20)])
    for _ in range(count):
        frames = [changed(frame) for frame in chance.choice(NODE_MESSAGES)]
        if chance.random() < 0.2:
            frames.append(chance.randbytes(chance.randrange(100)))
        answer(frames)


def stream():
    # A publisher's socket may send on XPUB's other side what a subscriber's never does.
    subscriber = ops1.socket(zmq.XSUB, "stream")
    subscriber.setsockopt(zmq.SNDTIMEO, 15_000)
    for _ in range(count):
        frames = [chance.choice([b"", b"\x00", b"\x01", b"\x02"]) + chance.randbytes(chance.randrange(300))]
        if chance.random() < 0.2:
            frames.append(chance.randbytes(10))
        subscriber.send_multipart(frames)
    # Longer than any topic: that connection may be dropped, and no other.
    greedy = ops1.socket(zmq.XSUB, "stream")
    greedy.send(b"\x01" + b"x" * 20_000)
    subscriber.send(b"\x01system/")
    while True:
        if not subscriber.poll(15_000):
            sys.exit(f"seed {seed}: no heartbeat after strange subscriptions")
        frames = subscriber.recv_multipart()
        assert len(frames) == 3 and len(frames[1]) == 16, (seed, frames)
        if frames[0] == b"system/heartbeat/":
            return


def below_zeromq():
    # The greeting of ZMTP 3.1 with the mechanism NULL, so that some of what follows reaches the engine behind it.
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(16) + b"\x00" + bytes(31)
    ready = b"\x04\x26\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
    for number in range(count):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(15)
        connection.connect(ops1.endpoint(["requests", "stream", "nodes"][number % 3]).removeprefix("ipc://"))
        data = [chance.randbytes(200), changed(greeting), greeting + changed(ready), greeting + ready + chance.randbytes(300)]
        try:
            connection.sendall(chance.choice(data))
            if chance.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The server hung up, as it may.
        connection.close()


nodes()
stream()
below_zeromq()
