#!/usr/bin/env python3
"""One tenant sends ten times as much as each other: what do the others notice?

    bench/noisy.py [--write]

Builds what serves in production and starts it with its default settings, on a PostgreSQL of its own; all tenants share tables. Every
tenant sends requests at a steady rate, half of them reads and half writes. In every second turn the noisy one sends ten
times as many. The turns follow one another in one run, so the ratio counts, not the times. Load comes from h2load (Debian
package `nghttp2-client`), which notes how long each request took.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402: builds, and runs this beside servers
import fleet  # noqa: E402: the same installation

CONNECTIONS = 10


class Tenant:
    """One that sends: reads on some connections, writes on others."""

    def __init__(self, installation, directory, slug):
        installation.call("POST", "/admin/v1/tenants", {"slug": slug, "name": slug})
        self.address, self.directory, self.slug = installation.address, directory, slug
        self.bearer = fleet.token(sub="bench", tenant=slug, role="admin")
        user = installation.call("POST", "/v1/users", fleet.USER, self.bearer)["id"]
        self.post = os.path.join(directory, f"{slug}.json")
        with open(self.post, "w") as file:
            json.dump({"user_id": user, "title": "Noise", "content": "x" * 500}, file)

    def send(self, rate, connections, seconds, nice=0):
        """Begins to send so many requests a second over so many connections."""
        common = ["nice", "-n", str(nice), "h2load", "--h1", "-m1", "-D", str(seconds), "-H", f"Authorization: Bearer {self.bearer}",
                  "-c", str(connections), "--rps", str(rate / 2 / connections)]
        read = self.process("read", [*common, f"http://{self.address}/v1/posts?limit=5"])
        write = self.process("write", [*common, "-d", self.post, "-H", "Content-Type: application/json",
                                       f"http://{self.address}/v1/posts"])
        return [read, write]

    def process(self, kind, command):
        log = os.path.join(self.directory, f"{self.slug}.{kind}.log")
        if os.path.exists(log):
            os.remove(log)
        return subprocess.Popen([*command[:4], "--log-file", log, *command[4:]], stdout=subprocess.DEVNULL), log


def times(sending):
    """How long each request took, in ms."""
    kept = []
    for process, log in sending:
        if process.wait():
            sys.exit("h2load failed")
        for line in open(log):
            _, status, micros = line.split()
            if int(status) >= 300:
                sys.exit(f"answered with {status}")
            kept.append(int(micros) / 1000)
    return kept


def turn(tenants, rate, noise, seconds):
    """The times of the others while the first tenant sends at the rate `noise`."""
    # Those who measure come first: the noise must not slow them down, only what they measure.
    loud = tenants[0].send(noise, CONNECTIONS, seconds, nice=10)
    others = [sending for tenant in tenants[1:] for sending in tenant.send(rate, 1, seconds)]
    kept = times(others)
    times(loud)
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=10)
    parser.add_argument("--rate", type=float, default=10, help="requests a second of each tenant")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        installation = fleet.Installation(directory)
        installation.run("migrate")
        installation.serve()
        try:
            tenants = [Tenant(installation, directory, f"t{number}") for number in range(arguments.tenants)]
            quiet, noisy = [], []
            for _ in range(arguments.turns):
                for noise, kept in ((1, quiet), (10, noisy)):
                    kept += turn(tenants, arguments.rate, arguments.rate * noise, arguments.seconds)
        finally:
            installation.stop()
    p = lambda times, share: sorted(times)[min(len(times) - 1, int(len(times) * share))]
    rows = [f"| {name} | {len(times):,} | {p(times, 0.5):.2f} | {p(times, 0.99):.2f} |"
            for name, times in (("one like the others", quiet), ("one that sends ten times as much", noisy))]
    text = (f"{arguments.tenants} tenants, {arguments.rate:.0f} requests a second of each, {arguments.turns} turns of "
            f"{arguments.seconds:.0f} s either way, {compare.machine()}.\n\n"
            f"| beside | requests of the others | p50, ms | p99, ms |\n|---|---|---|---|\n{rows[0]}\n{rows[1]}\n\n"
            f"The p99, as a ratio: {p(noisy, 0.99) / p(quiet, 0.99):.2f}.\n")
    print(text)
    if arguments.write:
        compare.write("noisy", text)


if __name__ == "__main__":
    main()
