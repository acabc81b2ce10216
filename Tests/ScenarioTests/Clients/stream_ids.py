"""Prints the id of every retained event of some topics, in order.

stream_ids.py PREFIX...
"""

import sys

import ops1

messages, _ = ops1.read_stream(ops1.Client(), sys.argv[1:])
print("\n".join(message["Body"]["id"] for message in messages))
