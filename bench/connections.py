#!/usr/bin/env python3
"""Opens thousands of connections that do nothing, and slow ones, and looks whether others are served as before.

    cargo build --profile dist
    bench/connections.py --idle 10000 --slow 200

The server is what that builds, on an SQLite file of its own. Both processes need so many file descriptors (`ulimit -n`).
Fails if a request is answered with anything but 200, or if a slow client is kept longer than its time.
"""

import argparse
import http.client
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, "target/dist/tenantry")


def start(directory):
    env = {"PATH": os.environ["PATH"], "DATABASE_URL": "sqlite://data/tenantry.db?mode=rwc", "BIND_ADDR": "127.0.0.1:0",
           "JWT_SECRET": "a secret of this script's, 32 bytes and more", "LOG_FORMAT": "json", "REQUEST_TIMEOUT": "5s",
           "RUST_LOG": "warn,tenantry::startup=info"}
    log = open(os.path.join(directory, "log"), "w+")
    server = subprocess.Popen([BINARY, "serve"], env=env, cwd=directory, stdout=log, stderr=log)
    for _ in range(200):
        found = re.search(r'"address":"([^"]*)"', open(log.name).read())
        if found:
            break
        time.sleep(0.05)
    run = lambda *arguments: subprocess.run([BINARY, *arguments], env=env, cwd=directory, check=True,
                                            capture_output=True, text=True).stdout.strip()
    run("tenant", "create", "acme")
    return server, found.group(1), run("token", "--tenant", "acme", "--role", "admin")


def reads(address, token, count):
    """The times of so many requests on one connection, in ms, the worst last."""
    connection, times = http.client.HTTPConnection(address), []
    for _ in range(count):
        began = time.monotonic()
        connection.request("GET", "/v1/posts", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"answered with {answer.status}")
        times.append((time.monotonic() - began) * 1000)
    return sorted(times)


def opened(address, count, text=b""):
    host, port = address.split(":")
    sockets = []
    for _ in range(count):
        one = socket.create_connection((host, int(port)))
        one.sendall(text)
        sockets.append(one)
    return sockets


def show(what, times):
    print(f"{what}: p50 {times[len(times) // 2]:.2f} ms, p99 {times[int(len(times) * 0.99)]:.2f} ms, worst {times[-1]:.1f} ms")


def memory(server):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.pid}/status").read()).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=200)
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory:
        server, address, token = start(directory)
        try:
            show("alone", reads(address, token, 500))
            print(f"memory {memory(server):.0f} MiB")
            idle = opened(address, arguments.idle)
            half = b"POST /v1/posts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Type: application/json\r\n"
            half += f"Authorization: Bearer {token}\r\n\r\n{{".encode()
            slow = opened(address, arguments.slow, half)
            heads = opened(address, arguments.slow, b"GET /v1/posts HTTP/1.1\r\nHost: ")
            show(f"beside {len(idle)} idle connections and {len(slow) + len(heads)} slow ones", reads(address, token, 500))
            print(f"memory {memory(server):.0f} MiB")
            time.sleep(7)
            for one in slow:
                one.settimeout(1)
                if b" 504 " not in one.recv(100) and b" 408 " not in one.recv(100):
                    sys.exit("a body that does not come is waited for")
            for one in heads:
                one.settimeout(1)
                one.recv(1000)  # Raises if it is still waited for.
            show("afterwards", reads(address, token, 500))
            for one in idle:
                one.close()
            show("when they have gone", reads(address, token, 500))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
