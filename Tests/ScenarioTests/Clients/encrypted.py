"""Calls an operation with a key of one's own, or with none.

encrypted.py KEY-FILE|none OPERATION BODY

Prints `refused` where the server lets no connection be made, else the status and the body of the answer.
"""

import sys

import zmq
from zmq.utils.monitor import recv_monitor_message

import ops1

path, operation, body = sys.argv[1:4]
dealer = zmq.Context.instance().socket(zmq.DEALER)
dealer.linger = 0
if path != "none":
    dealer.curve_publickey, dealer.curve_secretkey = ops1.keys_of(path)
    with open("server.public") as file:
        dealer.curve_serverkey = file.read().strip().encode()
events = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
)
monitor = dealer.get_monitor_socket(events)
dealer.connect(ops1.endpoint("requests"))
if not monitor.poll(15_000):
    sys.exit("the connection was neither made nor refused")
if recv_monitor_message(monitor)["event"] != zmq.EVENT_HANDSHAKE_SUCCEEDED:
    print("refused")
    sys.exit(0)
dealer.send_multipart([b"OPS1", b"1", operation.encode(), body.encode()])
if not dealer.poll(15_000):
    sys.exit("no answer")
frames = dealer.recv_multipart()
print(int(frames[2]), frames[3].decode())
