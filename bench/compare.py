#!/usr/bin/env python3
"""Measures Tenantry beside what somebody would otherwise write, and writes docs/performance.md with its plots.

    bench/compare.py

Builds what serves in production (`--profile dist`) and its peers, starts a PostgreSQL and a Redis of its own, fills it with
tenants of very different sizes, and sends every contender the same requests by turns, in one run. Load comes from wrk (Debian
package `wrk`), which checks the tenant of every answer. What counts are ratios to the hand-written server in the same round: CPU seconds for each
1,000 requests of server and database together, and throughput. Needs node and npm for the Express peer, and matplotlib for
the plots; without one of them it says so and goes on.
"""

import argparse
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if "TENANTRY_TEST_POSTGRES_URL" not in os.environ:
    subprocess.run(["cargo", "build", "--profile", "dist"], cwd=ROOT, check=True)
    os.execv(f"{ROOT}/scripts/with-servers", ["with-servers", sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fleet  # noqa: E402: the same installation
import plots  # noqa: E402

PEERS = os.path.join(ROOT, "bench/peers")
REDIS = os.environ["TENANTRY_TEST_REDIS_URL"]
CONNECTIONS = 16  # to the database, as the peers have
TICKS = os.sysconf("SC_CLK_TCK")
SCENARIOS = ["read by id", "first page", "search", "create", "update", "nine reads, one create"]


def cpu_of(pid):
    """Seconds of a process, its children that ended, and its children that live."""
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(field) for field in fields[11:15]) / TICKS + sum(cpu_of(child) for child in children)


class Data:
    """A database with tenants, users and posts: a few large tenants, many small ones."""

    def __init__(self, installation, tenants, posts):
        random.seed(1)
        weights = [1 / (rank + 5) for rank in range(tenants)]
        sizes = [max(5, int(posts * weight / sum(weights))) for weight in weights]
        values = ",".join(f"({number}, {size})" for number, size in enumerate(sizes))
        installation.sql(f"""
            CREATE TEMP TABLE made AS
                SELECT gen_random_uuid() AS id, gen_random_uuid() AS ada, number, size FROM (VALUES {values}) AS sized (number, size);
            INSERT INTO tenants (id, slug, name, name_folded, status, isolation, suspended, domains, limits, schema_version, version,
                                 created_at, updated_at, writes_held)
                SELECT id, 'bench-' || number, 'bench', 'bench', 'active', 'shared', false, '[]', '{{}}',
                       (SELECT count(*) FROM tenant_migrations), 1, now(), now(), false FROM made;
            INSERT INTO tenant_slugs (slug, tenant_id) SELECT 'bench-' || number, id FROM made;
            INSERT INTO users (tenant_id, id, name, name_folded, email, email_folded, role, bytes, version, created_at, updated_at)
                SELECT id, ada, 'Ada', 'ada', 'ada@example.com', 'ada@example.com', 'admin', 18, 1, now(), now() FROM made;
            INSERT INTO posts (tenant_id, id, user_id, title, title_folded, content, bytes, version, created_at, updated_at)
                SELECT id, gen_random_uuid(), ada, 'Post ' || n, 'post ' || n, repeat('x', 500), 507, 1, now(), now()
                FROM made, generate_series(1, size) AS n;
            INSERT INTO tallies (tenant_id, slot, users_rows, users_bytes, posts_rows, posts_bytes)
                SELECT tenant_id, 0, 1, 18, count(*), sum(bytes) FROM posts GROUP BY tenant_id;
        """)
        installation.sql("VACUUM ANALYZE; CHECKPOINT")
        rows = installation.sql("SELECT tenant_id, id, user_id FROM posts TABLESAMPLE SYSTEM (4) ORDER BY random() LIMIT 4000")
        self.rows = [row.split("|") for row in rows.split()]
        self.bearers = {row[0]: fleet.token(sub=row[2], tenant=row[0], role="admin") for row in self.rows}
        self.count = int(installation.sql("SELECT count(*) FROM posts"))

    def script(self, directory, scenario):
        """What wrk is to send: each request another row of the sample."""
        name = os.path.join(directory, re.sub("[ ,]+", "-", scenario))
        with open(name + ".tsv", "w") as file:
            for tenant, post, user in self.rows:
                file.write(f"{tenant}\t{post}\t{user}\t{self.bearers[tenant]}\n")
        read = 'wrk.format("GET", "/v1/posts/" .. post, headers)'
        create = """wrk.format("POST", "/v1/posts", headers,
                '{"user_id":"' .. user .. '","title":"A new post","content":"' .. text .. '"}')"""
        request = {
            "read by id": read,
            "first page": 'wrk.format("GET", "/v1/posts?limit=20", headers)',
            # Every title has it: what is measured is not how long a scan takes.
            "search": 'wrk.format("GET", "/v1/posts?limit=20&q=post", headers)',
            "create": create,
            # Each time that it comes round to a post, the title is of another length, as when somebody edits it.
            "update": """wrk.format("PATCH", "/v1/posts/" .. post, headers, '{"title":"Post ' .. string.rep("and ", pass) .. #requests .. '"}')""",
            "nine reads, one create": f"#requests % 10 == 0 and {create} or {read}",
        }[scenario]
        with open(name + ".lua", "w") as file:
            file.write(f"""
                local requests, tenants, at, answered = {{}}, {{}}, 0, 0
                local text = string.rep("x", 500)
                function init(args)
                    for pass = 1, 2 do
                        for line in io.lines("{name}.tsv") do
                            local tenant, post, user, bearer = line:match("([^\\t]*)\\t([^\\t]*)\\t([^\\t]*)\\t([^\\t]*)")
                            local headers = {{ Host = wrk.headers["Host"], Authorization = "Bearer " .. bearer, ["Content-Type"] = "application/json" }}
                            requests[#requests + 1] = {request}
                            tenants[tenant] = true
                        end
                    end
                end
                function request()
                    at = at % #requests + 1
                    return requests[at]
                end
                wrong = 0
                -- Which request an answer is to cannot be told with many connections: so that it names one tenant, and one of these.
                function response(status, headers, body)
                    local tenant = body:match('"tenant_id":"([^"]*)"')
                    if status >= 300 or not tenants[tenant] then wrong = wrong + 1 return end
                    for other in body:gmatch('"tenant_id":"([^"]*)"') do
                        if other ~= tenant then wrong = wrong + 1 end
                    end
                end
                local threads = {{}}
                function setup(thread) threads[#threads + 1] = thread end
                function done(summary, latency)
                    local wrong = 0
                    for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
                    io.write(string.format("result %d %d %.3f %.3f %.3f\\n", wrong, summary.requests, summary.duration / 1e6,
                        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
                end
            """)
        return name + ".lua"


class Contender:
    """A server that is measured, with its settings."""

    def __init__(self, name, command, env, cwd=None):
        self.name, self.command, self.env, self.cwd = name, command, env, cwd

    def start(self):
        # A free one: on one that is taken, whoever has it would be measured.
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = "127.0.0.1:%d" % free.getsockname()[1]
        log = open(os.devnull, "w")
        env = {**self.env, "BIND_ADDR": self.address}
        self.process = subprocess.Popen(self.command, env=env, cwd=self.cwd, stdout=log, stderr=log)
        for _ in range(400):
            if subprocess.run(["curl", "-so", os.devnull, f"http://{self.address}/"]).returncode == 0:
                return
            if self.process.poll() is not None:
                sys.exit(f"{self.name} does not start")
            time.sleep(0.05)
        sys.exit(f"{self.name} does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1)) / 1024


class Round:
    """One contender under one load."""

    def __init__(self, contender, script, seconds, connections, postmaster):
        server, database = cpu_of(contender.process.pid), cpu_of(postmaster)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, f"http://{contender.address}"]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(ran.stderr)
        out = ran.stdout
        # Processes of the database that ended are counted once the postmaster has noticed.
        server, database = cpu_of(contender.process.pid) - server, cpu_of(postmaster) - database
        wrong, requests, duration, self.p50, self.p99 = map(float, re.search(r"result (.*)", out).group(1).split())
        if wrong or requests < 100:
            sys.exit(f"{contender.name}: {wrong:.0f} of {requests:.0f} answers are wrong\n{out}")
        self.rate, self.server, self.database = requests / duration, server / requests * 1000, database / requests * 1000

    @property
    def cpu(self):
        return self.server + self.database


def contenders(installation):
    """Who is measured: (all of them, those that could not be had)."""
    bypass = urllib.parse.urlsplit(installation.admin)
    owner = {**os.environ, "DATABASE_URL": bypass.geturl(), "JWT_SECRET": fleet.SECRET}
    # As many connections as the others keep. With fewer, rounds would begin with opening some.
    quiet = {**installation.env, "RUST_LOG": "warn", "POOL_MIN": str(CONNECTIONS)}
    serving = {**owner, "DATABASE_URL": installation.env["DATABASE_URL"]}
    hand = os.path.join(PEERS, "hand")
    subprocess.run(["cargo", "build", "--release", "--target-dir", os.path.join(hand, "target")], cwd=hand, check=True)
    binary = os.path.join(hand, "target/release/hand")
    found = [
        Contender("by hand", [binary, "driver"], owner),
        Contender("Tenantry", [fleet.BINARY, "serve"], {**quiet, "CACHE": "tenants"}),
        Contender("Tenantry, no cache at all", [fleet.BINARY, "serve"], {**quiet, "CACHE": "off"}),
        Contender("Tenantry, cache in the process", [fleet.BINARY, "serve"], {**quiet, "CACHE": "alone"}),
        Contender("Tenantry, cache in Redis", [fleet.BINARY, "serve"], {**quiet, "REDIS_URL": REDIS}),
        Contender("actix and SeaORM", [binary, "orm"], owner),
    ]
    if shutil.which("npm"):
        express = os.path.join(PEERS, "express")
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=express, check=True, stdout=subprocess.DEVNULL)
        found.append(Contender("Express and pg, policies", ["node", "server.js"], {**serving, "NODE_ENV": "production"}, express))
    else:
        print("npm is missing: no Express", file=sys.stderr)
    return found


def measure(installation, data, directory, arguments):
    """{scenario: {contender: [Round]}}"""
    directories = installation.sql("SHOW data_directory")
    postmaster = int(open(os.path.join(directories, "postmaster.pid")).readline())
    measured = {}
    for contender in (all_of := contenders(installation)):
        contender.start()
    try:
        for scenario in arguments.only or SCENARIOS:
            script = data.script(directory, scenario)
            for contender in all_of:
                Round(contender, script, 2, arguments.connections, postmaster)
            for turn in range(arguments.turns):
                for contender in all_of:
                    done = Round(contender, script, arguments.seconds, arguments.connections, postmaster)
                    measured.setdefault(scenario, {}).setdefault(contender.name, []).append(done)
                    print(f"{scenario:22} {turn} {contender.name:32} {done.rate:8.0f}/s  server {done.server * 1000:6.1f}  "
                          f"database {done.database * 1000:6.1f} ms/1,000  p50 {done.p50:5.2f}  p99 {done.p99:6.2f} ms",
                          file=sys.stderr, flush=True)
        memory = {contender.name: contender.memory() for contender in all_of}
    finally:
        [contender.stop() for contender in all_of]
    return measured, memory


def middle(rounds, what):
    return statistics.median(getattr(one, what) for one in rounds)


def ratio(measured, scenario, name, what):
    """To the hand-written server in the same turn, turned so that greater is better: much throughput, little CPU."""
    better = {"rate": lambda one, hand: one / hand, "cpu": lambda one, hand: hand / one}[what]
    pairs = zip(measured[scenario][name], measured[scenario]["by hand"])
    return statistics.median(better(getattr(one, what), getattr(hand, what)) for one, hand in pairs)


def table(measured, scenario):
    lines = ["| | requests/s | ratio | CPU ms for 1,000: server | database | ratio by CPU | p50, ms | p99, ms |",
             "|---|---|---|---|---|---|---|---|"]
    for name, rounds in measured[scenario].items():
        cells = [f"{middle(rounds, 'rate'):,.0f}", f"{ratio(measured, scenario, name, 'rate'):.2f}",
                 f"{middle(rounds, 'server') * 1000:.0f}", f"{middle(rounds, 'database') * 1000:.0f}",
                 f"{ratio(measured, scenario, name, 'cpu'):.2f}", f"{middle(rounds, 'p50'):.2f}", f"{middle(rounds, 'p99'):.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def drawn(measured, memory):
    """Draws what the tables say: what is to stand in the page."""
    of_each = lambda parts: {scenario: {name: parts(scenario, name) for name in rounds} for scenario, rounds in measured.items()}
    part = lambda what, unit: lambda scenario, name: middle(measured[scenario][name], what) * unit
    server, database, p50, p99 = part("server", 1000), part("database", 1000), part("p50", 1), part("p99", 1)
    return "".join([
        plots.draw("performance.svg", "Throughput beside the others", of_each(lambda *of: [ratio(measured, *of, "rate")]),
                   "throughput, ratio to the server written by hand", line=1, form="{:.2f}"),
        plots.draw("performance-cpu.svg", "CPU beside the others", of_each(lambda *of: [server(*of), database(*of)]),
                   "CPU ms for 1,000 requests", ("server", "database")),
        plots.draw("performance-latency.svg", "How long requests take", of_each(lambda *of: [p50(*of), p99(*of) - p50(*of)]),
                   "ms", ("half of all took less", "99 of 100 took less"), form="{:.1f}"),
        plots.draw("performance-memory.svg", "Memory beside the others", {"memory afterwards": {name: [size] for name, size in memory.items()}},
                   "MiB"),
    ])


def machine():
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    return f"{os.cpu_count()} cores ({model.group(1) if model else 'unknown'})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, metavar="SCENARIO", help="these, and write nothing")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: install it (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as directory:
        installation = fleet.Installation(directory)
        installation.run("migrate")
        data = Data(installation, arguments.tenants, arguments.posts)
        measured, memory = measure(installation, data, directory, arguments)
        version = installation.sql("SHOW server_version")
    parts = [f"{arguments.tenants:,} tenants of very different sizes, {data.count:,} posts of 500 bytes, {arguments.connections} "
             f"connections, {arguments.turns} turns of {arguments.seconds} s, PostgreSQL {version.split()[0]} on loopback, load, servers "
             f"and database together on {machine()}."]
    for scenario in measured:
        parts.append(f"### {scenario.capitalize()}\n\n{table(measured, scenario)}")
    parts.append("Memory afterwards: " + ", ".join(f"{name} {size:.0f} MiB" for name, size in memory.items()) + ".")
    text = "\n\n".join(parts) + "\n"
    print(text)
    if arguments.write and not arguments.only:
        write("compared", drawn(measured, memory) + text)


def write(part, text):
    """Replaces a part of docs/performance.md."""
    path = os.path.join(ROOT, "docs/performance.md")
    page = open(path).read()
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->\n"
    head, rest = page.split(begin)
    open(path, "w").write(head + begin + "\n" + text + "\n" + end + rest.split(end)[1])


if __name__ == "__main__":
    main()
