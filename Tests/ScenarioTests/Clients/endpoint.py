"""An HTTP endpoint of a topic's subscriber.

    endpoint.py PORT REFUSALS

Confirms its subscription, answers that many notifications with 503, and takes all others. PORT 0 is a free one. Its
first line is its port; a line with the kind, the message's id and the status follows for each request.
"""
import json
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

refusals = int(sys.argv[2])


class Endpoint(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_POST(self):
        global refusals
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = 200
        if body["Type"] == "SubscriptionConfirmation":
            urllib.request.urlopen(body["SubscribeURL"]).read()
        elif refusals > 0:
            refusals -= 1
            status = 503
        print(body["Type"], body["MessageId"], status, flush=True)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Endpoint)
print(server.server_address[1], flush=True)
server.serve_forever()
