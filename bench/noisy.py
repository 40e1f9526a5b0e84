#!/usr/bin/env python3
"""One tenant sends ten times as much as each other: what do the others notice?

    cargo build --release
    scripts/with-servers bench/noisy.py

The server is the release binary with its default settings, on a PostgreSQL of its own; all tenants share tables. Every
tenant sends requests at a steady rate, reading and writing by turns, each on a connection of its own. In every second turn
the noisy one sends ten times as many. The turns follow one another in one run, so the ratio counts, not the times.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fleet  # noqa: E402: the same installation

CONNECTIONS = 10


def send(address, bearer, user, rate, seconds, kept):
    """Sends so many requests a second and keeps how long each took, in ms."""
    connection, began = http.client.HTTPConnection(address), time.monotonic()
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    post = json.dumps({"user_id": user, "title": "Noise", "content": "x" * 500})
    for number in range(int(rate * seconds)):
        due = began + number / rate
        time.sleep(max(0, due - time.monotonic()))
        asked = time.monotonic()
        if number % 2:
            connection.request("POST", "/v1/posts", post, headers)
        else:
            connection.request("GET", "/v1/posts?limit=5", headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status >= 300:
            sys.exit(f"answered with {answer.status}")
        kept.append((time.monotonic() - asked) * 1000)


def crowd(address, bearer, user, rate, seconds):
    """The noisy tenant, in a process of its own, which gives way: it must not slow down those who measure."""
    os.nice(10)
    threads = [threading.Thread(target=send, args=(address, bearer, user, rate / CONNECTIONS, seconds, []))
               for _ in range(CONNECTIONS)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]


def turn(address, tenants, rate, noise, seconds):
    """The times of the others while the first tenant sends at the rate `noise`."""
    (bearer, user), others, kept = tenants[0], tenants[1:], []
    noisy = multiprocessing.Process(target=crowd, args=(address, bearer, user, noise, seconds))
    threads = [threading.Thread(target=send, args=(address, bearer, user, rate, seconds, kept)) for bearer, user in others]
    noisy.start()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    noisy.join()
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenants", type=int, default=10)
    parser.add_argument("--rate", type=float, default=10, help="requests a second of each tenant")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--turns", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        installation = fleet.Installation(directory)
        installation.run("migrate")
        installation.serve()
        try:
            tenants = []
            for number in range(arguments.tenants):
                slug = f"t{number}"
                installation.call("POST", "/admin/v1/tenants", {"slug": slug, "name": slug})
                bearer = fleet.token(sub="bench", tenant=slug, role="admin")
                tenants.append((bearer, installation.call("POST", "/v1/users", fleet.USER, bearer)["id"]))
            quiet, noisy = [], []
            for _ in range(arguments.turns):
                for noise, kept in ((1, quiet), (10, noisy)):
                    kept += turn(installation.address, tenants, arguments.rate, arguments.rate * noise, arguments.seconds)
            p = lambda times, share: sorted(times)[min(len(times) - 1, int(len(times) * share))]
            for name, times in (("one like the others", quiet), ("one ten times as much", noisy)):
                print(f"{name:22}  others: {len(times)} requests, p50 {p(times, 0.5):.2f} ms, p99 {p(times, 0.99):.2f} ms")
            print(f"p99, noisy to quiet: {p(noisy, 0.99) / p(quiet, 0.99):.2f}")
        finally:
            installation.stop()


if __name__ == "__main__":
    main()
