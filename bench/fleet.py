#!/usr/bin/env python3
"""Builds a fleet of tenants in all three models on a PostgreSQL of its own, and prints what it costs.

    cargo build --profile dist
    scripts/with-servers bench/fleet.py --shared 1000 --schema 1000 --database 100

Tenants are made over HTTP and by what that builds, with the default settings. What is done by DDL is compared with the
same statements, taken from the server's log, piped through one `psql`. Load comes from wrk (Debian package `wrk`), and every
answer's tenant is checked. Timings are of this machine on this day: read the ratios.
"""

import argparse
import base64
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

SECRET = "a secret of the benchmark's, 32 bytes and more"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, "target/dist/tenantry")
ADMIN = os.environ.get("TENANTRY_TEST_POSTGRES_URL") or sys.exit("run this through scripts/with-servers")
USER, POSTS = {"name": "Ada", "email": "ada@example.com", "role": "admin"}, 20


def token(**claims):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
    text = part({"alg": "HS256", "typ": "JWT"}) + b"." + part({"exp": int(time.time()) + 86_400, **claims})
    signature = base64.urlsafe_b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).rstrip(b"=")
    return (text + b"." + signature).decode()


PLATFORM = token(sub="bench", role="platform_admin")


class Installation:
    """A database with its roles, and a server on it."""

    def __init__(self, directory):
        out = subprocess.run([f"{ROOT}/scripts/postgres-roles", ADMIN], capture_output=True, text=True, check=True)
        lines = (line.split("=", 1) for line in out.stdout.splitlines() if "=" in line and not line.startswith("#"))
        self.env = {**os.environ, **dict(lines), "JWT_SECRET": SECRET, "BIND_ADDR": "127.0.0.1:0", "LOG_FORMAT": "json",
                    "RUST_LOG": "warn,tenantry::startup=info"}
        self.directory, self.server = directory, None
        self.admin = urllib.parse.urlsplit(ADMIN)._replace(path="/tenantry").geturl()

    def run(self, *arguments):
        began = time.monotonic()
        done = subprocess.run([BINARY, *arguments], env=self.env, cwd=self.directory, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"tenantry {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return time.monotonic() - began, done.stdout

    def serve(self):
        log = open(os.path.join(self.directory, "log"), "w+")
        self.server = subprocess.Popen([BINARY, "serve"], env=self.env, cwd=self.directory, stdout=log, stderr=log)
        for _ in range(200):
            found = re.search(r'"address":"([^"]*)"', open(log.name).read())
            if found:
                self.address = found.group(1)
                return
            time.sleep(0.05)
        sys.exit(open(log.name).read())

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def memory(self):
        status = open(f"/proc/{self.server.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def cpu(self):
        fields = open(f"/proc/{self.server.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def call(self, method, path, body=None, bearer=PLATFORM):
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(self.address)
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        self.local.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.local.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {text}")
        return json.loads(text) if text else None

    local = threading.local()

    def sql(self, statement):
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.admin], input=statement, text=True,
                              capture_output=True)
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout.strip()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def provision(installation, model, count):
    """Makes tenants one after the other; the time of each in seconds."""
    made = []
    for number in range(count):
        began = time.monotonic()
        draft = {"slug": f"{model}-t{number}", "name": f"{model} {number}", "isolation": model}
        installation.call("POST", "/admin/v1/tenants", draft)
        made.append(time.monotonic() - began)
    return made


def fill(installation, slugs):
    """A user and some posts for every tenant; returns what reads them."""
    def one(slug):
        bearer = token(sub="bench", tenant=slug, role="admin")
        user = installation.call("POST", "/v1/users", USER, bearer)
        for number in range(POSTS):
            post = {"user_id": user["id"], "title": f"Post {number} of {slug}", "content": "x" * 500}
            post = installation.call("POST", "/v1/posts", post, bearer)
        return slug, f"/v1/posts/{post['id']}", bearer, post["tenant_id"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, slugs))


def logged(installation, what):
    """The statements with which the server is told to make a schema or to migrate one, from its own log."""
    log = os.path.join(os.path.dirname(installation.sql("SHOW data_directory")), "postgres.log")
    size = os.path.getsize(log)
    installation.sql("ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf()")
    time.sleep(0.5)
    what()
    installation.sql("ALTER SYSTEM RESET log_statement; SELECT pg_reload_conf()")
    with open(log, errors="replace") as file:
        file.seek(size)
        text = file.read()
    found = re.findall(r"statement: (BEGIN; SET LOCAL client_min_messages.*?COMMIT)\n\d{4}-", text + "\n0000-", re.S)
    return next(re.sub(r"\n\t", "\n", one) + ";\n" for one in found if "CREATE TABLE departures" in one)


def through_psql(installation, statements):
    owner = installation.env["DATABASE_OWNER_URL"]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write("".join(statements))
        file.flush()
        began = time.monotonic()
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", file.name, owner], check=True,
                       stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def set_back(installation, schemas):
    """Takes the newest migration away from every schema."""
    for start in range(0, len(schemas), 50):
        installation.sql("".join(
            f"DROP TABLE {schema}.departures; DELETE FROM {schema}.tenant_migrations WHERE version LIKE 'm0003%';"
            for schema in schemas[start:start + 50]))
    installation.sql("UPDATE tenants SET schema_version = 2 WHERE isolation = 'schema'")


def load(installation, readers, seconds, connections):
    """Reads posts of all these tenants in turn; latencies, throughput, and the server's CPU for each 1,000 requests."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file, tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        file.write("".join("\t".join(reader[1:]) + "\n" for reader in readers))
        file.flush()
        lua.write(f"""
            local rows, next_row = {{}}, math.random(1, {len(readers)})
            local asked = {{}}
            for line in io.lines("{file.name}") do rows[#rows + 1] = line end
            function request()
                next_row = next_row % #rows + 1
                local path, bearer = rows[next_row]:match("([^\\t]*)\\t([^\\t]*)")
                return wrk.format("GET", path, {{ Authorization = "Bearer " .. bearer }})
            end
            wrong = 0
            function response(status, headers, body)
                if status ~= 200 or not body:find('"tenant_id":"', 1, true) then wrong = wrong + 1 end
            end
            local threads = {{}}
            function setup(thread) threads[#threads + 1] = thread end
            function done(summary)
                local wrong = 0
                for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
                io.write("wrong ", wrong, " requests ", summary.requests, "\\n")
            end
        """)
        lua.flush()
        cpu, peak, stop = installation.cpu(), [0], threading.Event()
        count = ("SELECT count(*) FROM pg_stat_activity WHERE usename IN ('tenantry', 'tenantry_platform', 'tenantry_owner')"
                 " AND application_name = 'tenantry'")
        def watch():
            while not stop.is_set():
                peak[0] = max(peak[0], int(installation.sql(count)))
                time.sleep(0.2)
        watcher = threading.Thread(target=watch)
        watcher.start()
        out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", lua.name,
                              f"http://{installation.address}"], capture_output=True, text=True, check=True).stdout
        stop.set()
        watcher.join()
        cpu = installation.cpu() - cpu
    wrong, requests = map(int, re.search(r"wrong (\d+) requests (\d+)", out).groups())
    latency = lambda percent: re.search(rf"{percent}%\s+(\S+)", out).group(1)
    rate = re.search(r"Requests/sec:\s+(\S+)", out).group(1)
    return [rate, latency(50), latency(99), f"{cpu / requests * 1000:.3f}", str(wrong), str(peak[0])]


def table(headings, rows):
    widths = [max(len(str(row[column])) for row in [headings, *rows]) for column in range(len(headings))]
    for row in [headings, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for model, count in [("shared", 1000), ("schema", 1000), ("database", 100)]:
        parser.add_argument(f"--{model}", type=int, default=count)
    parser.add_argument("--seconds", type=int, default=10, help="of each load")
    parser.add_argument("--connections", type=int, default=32, help="of each load")
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: install it (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as directory:
        installation = Installation(directory)
        installation.run("migrate")
        installation.serve()
        try:
            measure(installation, arguments)
        finally:
            installation.stop()


def measure(installation, arguments):
    memory = installation.memory()
    counts = {"shared": arguments.shared, "schema": arguments.schema, "database": arguments.database}
    first = {"slug": "schema-first", "name": "First", "isolation": "schema"}
    script = logged(installation, lambda: installation.call("POST", "/admin/v1/tenants", first))
    installation.call("DELETE", "/admin/v1/tenants/schema-first")
    installation.call("POST", "/admin/v1/tenants/schema-first/purge")
    rows = []
    for model, count in counts.items():
        made = provision(installation, model, count)
        mean = sum(made) / count * 1000
        rows.append([model, count, f"{mean:.1f}", f"{percentile(made, 0.5):.1f}", f"{percentile(made, 0.99):.1f}"])
    name = re.search(r"tenant_[0-9a-f]{32}", script).group(0)
    plain = min(100, arguments.schema)
    names = [f"psql_{number:032x}" for number in range(plain)]
    psql = through_psql(installation, [script.replace(name, other) for other in names]) / plain * 1000
    installation.sql("".join(f"DROP SCHEMA {other} CASCADE;" for other in names))
    print("## Provisioning, one after the other over HTTP, in milliseconds\n")
    table(["model", "tenants", "mean", "p50", "p99"], rows)
    print(f"The same DDL for a schema through one psql: {psql:.1f} ms each.\n")

    slugs = {model: [f"{model}-t{number}" for number in range(count)] for model, count in counts.items()}
    readers = {model: fill(installation, slugs[model]) for model in counts}
    print("## Reading a post by id, every tenant in turn\n")
    rows = []
    for model in [*counts, *counts]:
        rows.append([model, *load(installation, readers[model], arguments.seconds, arguments.connections)])
    mixed = [reader for group in zip(*(readers[model] for model in counts)) for reader in group]
    everybody = [reader for model in counts for reader in readers[model]]
    rows.append(["all three in turn", *load(installation, mixed, arguments.seconds, arguments.connections)])
    rows.append(["everybody", *load(installation, everybody, arguments.seconds, arguments.connections)])
    table(["tenants", "requests/s", "p50", "p99", "server CPU s per 1,000", "wrong", "connections, most"], rows)
    print(f"Memory of the server: {memory:.0f} MiB at the start, {installation.memory():.0f} MiB after all this.\n")
    print(f"Pools: {len(installation.call('GET', '/admin/v1/pools')['data'])} open.\n")

    schemas = installation.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant\\_%'").split()
    set_back(installation, schemas)
    one = schemas[0].removeprefix("tenant_")
    slug = installation.sql(f"SELECT slug FROM tenants WHERE id = '{one}'")
    script = logged(installation, lambda: installation.run("migrate", "--tenant", slug))
    set_back(installation, schemas[:1])
    psql = through_psql(installation, [script.replace(schemas[0], schema) for schema in schemas])
    rows = [["the same DDL through one psql", f"{psql:.2f}"]]
    for concurrency in ["1", "2", "4"]:
        set_back(installation, schemas)
        took, _ = installation.run("migrate", "--concurrency", concurrency)
        rows.append([f"tenantry migrate --concurrency {concurrency}", f"{took:.2f}"])
    took, out = installation.run("migrate")
    rows.append([f"again, nothing to do ({out.strip()})", f"{took:.3f}"])
    took, out = installation.run("doctor")
    rows.append(["tenantry doctor", f"{took:.2f}"])
    print(f"## Migrating {len(schemas)} schemas, in seconds\n")
    table(["what", "seconds"], rows)


if __name__ == "__main__":
    main()
