#!/usr/bin/env python3
"""Measures what grows with an installation and what does not, and writes it into docs/performance.md.

    bench/growth.py [--write]

Builds what serves in production, starts a PostgreSQL and a Redis of its own, and measures by turns in one run: 10 to 10,000
tenants, the three models, few and many schemas, policies on and off; then the first request to a tenant that nobody asked for, lists from their
beginning to far down, searches among a million users of one tenant, and what an idle tenant costs in memory. Load comes from wrk
(Debian package `wrk`), which checks the tenant of every answer. Read the ratios.
"""

import argparse
import http.client
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402: builds, and runs this beside servers
import fleet  # noqa: E402
import plots  # noqa: E402

TENANTS = [10, 100, 1_000, 10_000]
POSTS = 50
OF_EACH_MODEL = 20
SCHEMAS = 300
STATEMENTS = [100, 500]
CATALOG = """INSERT INTO tenants (id, slug, name, name_folded, status, isolation, suspended, domains, limits, schema_version, version,
                                  created_at, updated_at, writes_held)
             SELECT id, slug, 'bench', 'bench', 'active', 'shared', false, '[]', '{}', (SELECT count(*) FROM tenant_migrations), 1,
                    now(), now(), false FROM made;
             INSERT INTO tenant_slugs (slug, tenant_id) SELECT slug, id FROM made;"""


# An id as the server would have made it at the n-th millisecond: rows lie in the order of their ids.
ID = "(lpad(to_hex(1700000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid"


def rows_sql(posts):
    """A user and so many posts for each tenant of `made`, in the schema that is the current one."""
    return f"""
        INSERT INTO users (tenant_id, id, name, name_folded, email, email_folded, role, bytes, version, created_at, updated_at)
            SELECT id, ada, 'Ada', 'ada', 'ada@example.com', 'ada@example.com', 'admin', 18, 1, now(), now() FROM made;
        INSERT INTO posts (tenant_id, id, user_id, title, title_folded, content, bytes, version, created_at, updated_at)
            SELECT id, gen_random_uuid(), ada, 'Post ' || n, 'post ' || n, repeat('x', 500), 507, 1, now(), now()
            FROM made, generate_series(1, {posts}) AS n;"""


class Rows(compare.Data):
    """Posts to ask for: (tenant, post, user)."""

    def __init__(self, rows):
        # Not all of one tenant's in a row.
        self.rows = random.Random(1).sample(rows, len(rows))
        self.bearers = {row[0]: fleet.token(sub=row[2], tenant=row[0], role="admin") for row in rows}


class Bench:
    def __init__(self, installation, directory, arguments):
        self.installation, self.directory, self.arguments = installation, directory, arguments
        data = installation.sql("SHOW data_directory")
        self.postmaster = int(open(os.path.join(data, "postmaster.pid")).readline())
        self.plots = {}

    def server(self, **env):
        contender = compare.Contender("Tenantry", [fleet.BINARY, "serve"],
                                      {**self.installation.env, "RUST_LOG": "warn", "CACHE": "tenants", **env})
        contender.start()
        return contender

    def by_turns(self, server, kinds, scenario, before=lambda kind: None):
        """Loads each kind of rows in turn: {kind: [Round]}."""
        scripts = {}
        for number, (kind, rows) in enumerate(kinds.items()):
            directory = os.path.join(self.directory, f"{scenario}-{number}".replace(" ", "-"))
            os.makedirs(directory, exist_ok=True)
            scripts[kind] = rows.script(directory, scenario)
        measured = {kind: [] for kind in kinds}
        for turn in range(-1, self.arguments.turns):
            for kind, script in scripts.items():
                before(kind)
                one = compare.Round(server, script, self.arguments.seconds if turn >= 0 else 2, 16, self.postmaster)
                if turn >= 0:
                    measured[kind].append(one)
                    print(f"{scenario:14} {turn} {kind!s:20} {one.rate:8.0f}/s {one.cpu * 1000:8.1f} ms/1,000", file=sys.stderr)
        return measured

    def plot(self, name, title, measured):
        """Keeps what was measured for a plot of this name."""
        cost = {f"{kind:,}" if isinstance(kind, int) else kind: [compare.middle(rounds, what) * 1000 for what in ("server", "database")]
                for kind, rounds in measured.items()}
        self.plots.setdefault(name, {})[title] = cost

    def draw(self, name, alt):
        return plots.draw(name, alt, self.plots[name], "CPU ms for 1,000 requests", ("server", "database"))


def table(headings, rows):
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def compared(measured, base):
    """A row for each kind: throughput, CPU, and CPU beside the base's in the same turn."""
    rows = []
    for kind, rounds in measured.items():
        ratio = statistics.median(one.cpu / other.cpu for one, other in zip(rounds, measured[base]))
        rate, server, database = (statistics.median(getattr(one, what) for one in rounds) for what in ("rate", "server", "database"))
        name = f"{kind:,}" if isinstance(kind, int) else kind
        rows.append([name, f"{rate:,.0f}", f"{server * 1000:.0f}", f"{database * 1000:.0f}", f"{ratio:.2f}"])
    return rows


HEADINGS = ["requests/s", "CPU ms for 1,000: server", "database", "CPU, ratio"]


def tenants(bench):
    """The same requests to few tenants and to many."""
    bench.installation.sql(f"""CREATE TEMP TABLE made AS SELECT gen_random_uuid() AS id, gen_random_uuid() AS ada, 'many-' || n AS slug
                               FROM generate_series(1, {TENANTS[-1]}) AS n; {CATALOG} {rows_sql(POSTS)}""")
    bench.installation.sql("VACUUM ANALYZE")
    found = bench.installation.sql("""SELECT DISTINCT ON (tenant_id) tenant_id, id, user_id FROM posts
                                      WHERE tenant_id IN (SELECT id FROM tenants WHERE slug LIKE 'many-%')""").split()
    every = [row.split("|") for row in found]
    kinds = {}
    for count in TENANTS:
        some = every[:count]
        # As many requests in turn, whoever they are to.
        posts = bench.installation.sql(f"""SELECT tenant_id, id, user_id FROM posts WHERE tenant_id IN ({",".join(f"'{row[0]}'" for row in some)})
                                           ORDER BY random() LIMIT 10000""").split()
        kinds[count] = Rows([row.split("|") for row in posts])
    server = bench.server()
    before = server.memory()
    try:
        parts = []
        for scenario in ["read by id", "first page"]:
            measured = bench.by_turns(server, kinds, scenario)
            bench.plot("growth-tenants.svg", scenario, measured)
            parts.append(f"{scenario.capitalize()}:\n\n" + table(["tenants", *HEADINGS], compared(measured, TENANTS[0])))
        after = server.memory()
    finally:
        server.stop()
    parts.append(f"Memory of the server: {before:.0f} MiB when it had started, {after:.0f} MiB when {TENANTS[-1]:,} tenants had been served.")
    return "### Many tenants\n\nEach has 50 posts, all in shared tables.\n\n" + "\n\n".join(parts), kinds[1_000]


def policies(bench, rows):
    """The same tables with row-level security and without."""
    server = bench.server()
    verbs = {"with policies": "ENABLE", "without": "DISABLE"}
    def switch(kind):
        for name in ["users", "posts", "tallies", "departures", "tenants"]:
            bench.installation.sql(f"ALTER TABLE {name} {verbs[kind]} ROW LEVEL SECURITY")
        time.sleep(0.2)
    parts = []
    try:
        for scenario in ["read by id", "first page", "create"]:
            measured = bench.by_turns(server, {kind: rows for kind in verbs}, scenario, switch)
            parts.append(f"{scenario.capitalize()}:\n\n" + table(["", *HEADINGS], compared(measured, "without")))
    finally:
        switch("with policies")
        server.stop()
    return "### Policies on and off\n\nThe same server and statements; only the tables are told not to look.\n\n" + "\n\n".join(parts)


def models(bench):
    """The same tenants in shared tables, in schemas and in databases; and the first request to each after a start."""
    installation, kinds, many = bench.installation, {}, {}
    installation.serve()
    for model, count in [("shared", SCHEMAS), ("schema", SCHEMAS), ("database", OF_EACH_MODEL)]:
        fleet.provision(installation, model, count)
        few, rest = filled(installation, model, range(OF_EACH_MODEL), POSTS), filled(installation, model, range(OF_EACH_MODEL, count), 5)
        kinds[model], many[model] = Rows(few), Rows(rest)
    installation.stop()
    server, parts = bench.server(), []
    try:
        cold = first_requests(server, kinds)
        for scenario in ["read by id", "first page", "create", "update"]:
            measured = bench.by_turns(server, kinds, scenario)
            bench.plot("growth-models.svg", scenario, measured)
            parts.append(f"{scenario.capitalize()}:\n\n" + table(["", *HEADINGS], compared(measured, "shared")))
    finally:
        server.stop()
    return (f"### The three models\n\n{OF_EACH_MODEL} tenants of each.\n\n" + "\n\n".join(parts) +
            "\n\nThe first request to a tenant after the server has started, and the second, in milliseconds:\n\n" + cold +
            "\n\n" + schemas(bench, many["shared"], many["schema"]))


def filled(installation, model, numbers, posts):
    """Users and posts for these of fleet's tenants: their rows."""
    rows = []
    for slug in [f"{model}-t{number}" for number in numbers]:
        bearer = fleet.token(sub="bench", tenant=slug, role="admin")
        user = installation.call("POST", "/v1/users", fleet.USER, bearer)
        for number in range(posts):
            post = {"user_id": user["id"], "title": f"Post {number}", "content": "x" * 500}
            post = installation.call("POST", "/v1/posts", post, bearer)
            rows.append([post["tenant_id"], post["id"], post["user_id"]])
    return rows


def schemas(bench, shared, schema):
    """Many schemas: each has statements of its own, of which a connection keeps so many."""
    address, parts = bench.installation.env["DATABASE_URL"], []
    for statements in STATEMENTS:
        server = bench.server(DATABASE_URL=f"{address}?statement-cache-capacity={statements}")
        try:
            measured = bench.by_turns(server, {"shared": shared, "schema": schema}, "read by id")
            pid = bench.installation.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'tenantry' ORDER BY backend_start LIMIT 1")
            memory = int(re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024
        finally:
            server.stop()
        parts.append(f"A connection keeps {statements} statements; one process of PostgreSQL has {memory:.0f} MiB of its own afterwards:\n\n" +
                     table(["", *HEADINGS], compared(measured, "shared")))
    return f"Read by id, {SCHEMAS - OF_EACH_MODEL} tenants of each:\n\n" + "\n\n".join(parts)


def first_requests(server, kinds):
    rows = []
    for model, data in kinds.items():
        first, second = [], []
        connection = http.client.HTTPConnection(server.address)
        for tenant, post, _ in {row[0]: row for row in data.rows}.values():
            for times in (first, second):
                began = time.monotonic()
                connection.request("GET", f"/v1/posts/{post}", headers={"Authorization": f"Bearer {data.bearers[tenant]}"})
                answer = connection.getresponse()
                if answer.status != 200 or json.loads(answer.read())["tenant_id"] != tenant:
                    sys.exit("a wrong answer")
                times.append((time.monotonic() - began) * 1000)
        rows.append([model, *(f"{value:.1f}" for value in [statistics.median(first), max(first), statistics.median(second)])])
    return table(["", "first, median", "first, slowest", "second, median"], rows)


def deep(bench):
    """A million users of one tenant: lists from the beginning and far down, and searches."""
    bench.installation.sql("""
        CREATE TEMP TABLE made AS SELECT gen_random_uuid() AS id, 'huge' AS slug;
        """ + CATALOG + """
        INSERT INTO users (tenant_id, id, name, name_folded, email, email_folded, role, bytes, version, created_at, updated_at)
            SELECT id, """ + ID + """, 'User ' || n, 'user ' || n, 'user' || n || '@example.com', 'user' || n || '@example.com', 'member',
                   20, 1, now(), now() FROM made, generate_series(1, 1000000) AS n;""")
    bench.installation.sql("VACUUM ANALYZE users")
    server = bench.server()
    connection = http.client.HTTPConnection(server.address)
    bearer = fleet.token(sub="bench", tenant="huge", role="admin")
    def ask(path):
        began = time.monotonic()
        connection.request("GET", path, headers={"Authorization": f"Bearer {bearer}"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            sys.exit(f"{path}: {body}")
        return (time.monotonic() - began) * 1000, body
    try:
        times, cursor, path = [], None, "/v1/users?limit=100"
        for _ in range(5_000):
            took, body = ask(path)
            times.append(took)
            path = f"/v1/users?limit=100&cursor={body['next_cursor']}"
        lists = [["the first 100 pages", f"{statistics.median(times[:100]):.2f}"],
                 ["pages 4,900 to 5,000", f"{statistics.median(times[-100:]):.2f}"]]
        last = bench.installation.sql("SELECT name FROM users WHERE name LIKE 'User %' ORDER BY id LIMIT 1").removeprefix("User ")
        searches = []
        for what, text in [("every name has it", "user"), ("one has it, the last that is looked at", f"user {last}"), ("nobody has it", "nobody")]:
            taken = [ask(f"/v1/users?q={text.replace(' ', '%20')}") for _ in range(5)]
            found = len(taken[0][1]["data"])
            searches.append([what, found, f"{statistics.median(one[0] for one in taken):.1f}"])
    finally:
        server.stop()
    return ("### A million users of one tenant\n\nOne client, milliseconds for a request. Pages of 100 by cursor:\n\n" + table(["", "ms"], lists) +
            "\n\nSearches, the first 20:\n\n" + table(["", "found", "ms"], searches))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        installation = fleet.Installation(directory)
        installation.run("migrate")
        bench = Bench(installation, directory, arguments)
        many, rows = tenants(bench)
        parts = [many, models(bench), policies(bench, rows), deep(bench)]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if arguments.write:
        images = bench.draw("growth-tenants.svg", "CPU with few and many tenants") + bench.draw("growth-models.svg", "CPU in the three models")
        compare.write("growth", f"{images}{arguments.turns} turns of {arguments.seconds} s, 16 connections, {compare.machine()}.\n\n{text}")


if __name__ == "__main__":
    main()
