"""Prints every retained message of some topics, one JSON object a line.

read_stream.py PREFIX... [--after SEQUENCE]
"""

import json
import sys

import ops1

words = sys.argv[1:]
after = 0
if "--after" in words:
    place = words.index("--after")
    after = int(words[place + 1])
    del words[place : place + 2]
messages, _ = ops1.read_stream(ops1.Client(), words, after)
for message in messages:
    print(json.dumps(message))
