"""A subscriber that keeps its place in a file, as the recipe of the protocol says: subscribe first, read the backlog
after the last sequence handled, then go on with live messages, dropping those already seen.

subscriber.py PREFIX PLACE HANDLED

A line of HANDLED is "sequence id" of an event. PLACE keeps the epoch and the last sequence, so that the next run goes on
there. A message that does not name the last one handled on its topic as its predecessor makes it read the stream. Ends
at SIGTERM.
"""

import json
import os
import signal
import struct
import sys

import zmq

import ops1

prefix, place_path, handled_path = sys.argv[1:4]
place = {"Epoch": None, "Sequence": 0, "Read": 0, "Topics": {}}
if os.path.exists(place_path):
    with open(place_path) as file:
        place = json.load(file)
handled = open(handled_path, "a", buffering=1)
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(True))


def handle(topic, sequence, previous, body):
    assert sequence > place["Sequence"], (sequence, place)
    assert previous == place["Topics"].get(topic, 0), (topic, previous, place)
    handled.write(f"{sequence} {body['id']}\n")
    place["Sequence"] = sequence
    place["Topics"][topic] = sequence


def catch_up():
    messages, place["Read"] = ops1.read_stream(ops1.Client(), [prefix], place["Sequence"], place["Epoch"])
    for message in messages:
        handle(message["Topic"], message["Sequence"], message["PreviousSequence"], message["Body"])


def keep():
    with open(place_path + ".new", "w") as file:
        json.dump(place, file)
    os.rename(place_path + ".new", place_path)


stream = ops1.socket(zmq.SUB, "stream")
stream.subscribe(prefix.encode())
stream.subscribe(b"system/heartbeat/")
gaps = 0
caught_up = False
while not ended:
    if not stream.poll(100):
        continue
    topic, sequences, body = stream.recv_multipart()
    topic, body = topic.decode(), json.loads(body)
    sequence, previous = struct.unpack(">QQ", sequences)
    if topic == "system/heartbeat/":
        assert set(body) == {"Epoch", "Sequence", "Time"}, body
        assert place["Epoch"] in (None, body["Epoch"]), (place, body)
        place["Epoch"] = body["Epoch"]
        # The first one says that the subscriptions are in force: what came before is in the backlog. A later one shows
        # what came while the connection was made anew.
        if not caught_up or body["Sequence"] > max(place["Sequence"], place["Read"]):
            catch_up()
            if not caught_up:
                print("caught up", flush=True)
            caught_up = True
        continue
    if not caught_up or sequence <= place["Sequence"]:
        continue
    if previous != place["Topics"].get(topic, 0):
        gaps += 1
        catch_up()
    else:
        handle(topic, sequence, previous, body)
keep()
print(json.dumps({"Gaps": gaps, "Sequence": place["Sequence"]}))
