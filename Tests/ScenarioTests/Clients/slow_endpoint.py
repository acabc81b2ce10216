"""An HTTP endpoint that leaves its first caller waiting until that gives up, and answers all others. Its first line is
its port; a line for each request follows."""
import socket

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
first, _ = listener.accept()
first.recv(65536)
print("held", flush=True)
while first.recv(65536):
    pass
print("given up", flush=True)
while True:
    client, _ = listener.accept()
    client.recv(65536)
    print("answered", flush=True)
    client.sendall(ANSWER)
    client.close()
