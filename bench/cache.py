#!/usr/bin/env python3
"""Reads one row again and again, with and without the cache, and prints what a request costs the server.

    cargo build --release
    scripts/with-servers bench/cache.py

Requests come one after the other on a few connections that are kept. With `--binary target/debug/tenantry` the figures are
those of a debug build: read the ratios.
"""

import argparse
import os
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import fleet  # noqa: E402

REDIS = os.environ["TENANTRY_TEST_REDIS_URL"]
KINDS = {"no cache": {"CACHE": "off"}, "in the process": {"CACHE": "alone"}, "in Redis": {"REDIS_URL": REDIS}}


def reads(installation, path, bearer, requests, connections):
    """Seconds, and seconds of the server's CPU, for so many reads."""
    def work():
        for _ in range(requests // connections):
            installation.call("GET", path, bearer=bearer)
    began, cpu = time.monotonic(), installation.cpu()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return time.monotonic() - began, installation.cpu() - cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=fleet.BINARY)
    parser.add_argument("--requests", type=int, default=8_000)
    parser.add_argument("--connections", type=int, default=4)
    arguments = parser.parse_args()
    fleet.BINARY = os.path.abspath(arguments.binary)
    with tempfile.TemporaryDirectory() as directory:
        installation = fleet.Installation(directory)
        installation.run("migrate")
        usual = installation.env
        path, bearer = None, fleet.token(sub="bench", tenant="acme", role="admin")
        for kind, settings in KINDS.items():
            installation.env = {**usual, **settings}
            installation.serve()
            if not path:
                installation.call("POST", "/admin/v1/tenants", {"slug": "acme", "name": "Acme"})
                user = installation.call("POST", "/v1/users", fleet.USER, bearer)["id"]
                draft = {"title": "A post", "content": "x" * 2_000, "user_id": user}
                path = "/v1/posts/" + installation.call("POST", "/v1/posts", draft, bearer)["id"]
            time.sleep(3)
            reads(installation, path, bearer, arguments.requests // 4, arguments.connections)
            took, cpu = reads(installation, path, bearer, arguments.requests, arguments.connections)
            thousands = arguments.requests / 1_000
            print(f"{kind:15} {arguments.requests / took:7.0f} requests/s {1_000 * cpu / thousands:7.0f} ms of CPU for 1,000")
            installation.stop()


if __name__ == "__main__":
    main()
