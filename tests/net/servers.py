#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""servers.py READY COMMAND...: inside a network namespace of the test's own, serve DNS over TCP and UDP 53
(fetch.test is 127.0.0.1) and HTTP on ports 80 and 8080, touch READY, run COMMAND and exit with its status. The names
asked for are counted per transport in READY.tcp and READY.udp."""
import http.server
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading

ready = sys.argv[1]


def answer(query):
    """One A record for fetch.test, NXDOMAIN for the rest, no data for other types."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += query[at] + 1
    name, (kind,) = ".".join(labels), struct.unpack(">H", query[at + 1 : at + 3])
    found = name == "fetch.test"
    records = b""
    if found and kind == 1:
        records = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 1])
    flags = 0x8180 | (0 if found else 3)
    return query[:2] + struct.pack(">HHHHH", flags, 1, 1 if records else 0, 0, 0) + query[12 : at + 5] + records


def note(transport):
    with open(f"{ready}.{transport}", "a") as f:
        f.write("query\n")


def take(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def dns_connection(connection):
    with connection:
        while head := take(connection, 2):
            query = take(connection, struct.unpack(">H", head)[0])
            if query is None:
                return
            note("tcp")
            reply = answer(query)
            connection.sendall(struct.pack(">H", len(reply)) + reply)


def dns_tcp(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=dns_connection, args=(connection,), daemon=True).start()


def dns_udp(sock):
    while True:
        query, peer = sock.recvfrom(4096)
        note("udp")
        sock.sendto(answer(query), peer)


class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        # not HTTPServer's, which asks for the name of its address: by UDP, on a machine that has no /etc/hosts
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"fetched\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


tcp = socket.create_server(("127.0.0.1", 53))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 53))
threading.Thread(target=dns_tcp, args=(tcp,), daemon=True).start()
threading.Thread(target=dns_udp, args=(udp,), daemon=True).start()
for port in (80, 8080):
    server = Server(("127.0.0.1", port), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
open(ready, "w").close()
status = subprocess.run(sys.argv[2:]).returncode
sys.stdout.flush()
os._exit(status if status >= 0 else 128 - status)
