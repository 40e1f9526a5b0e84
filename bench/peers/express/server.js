// The usual guide to row-level security, done right: each request is a transaction that begins with `set_config(..., true)` as
// a role to which the policies apply, and every statement is prepared. Two processes, as there are two cores.
const cluster = require("node:cluster");

if (cluster.isPrimary) {
  for (let i = 0; i < 2; i += 1) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill("SIGKILL");
    process.exit(0);
  });
} else {
  serve();
}

function serve() {
  const express = require("express");
  const jwt = require("jsonwebtoken");
  const { Pool } = require("pg");
  const { v7 } = require("uuid");

  const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json());

  const columns = "id, tenant_id, user_id, title, content, created_at, updated_at";

  app.use((request, response, next) => {
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    try {
      request.tenant = jwt.verify(token, process.env.JWT_SECRET, { algorithms: ["HS256"] }).tenant;
      next();
    } catch {
      response.status(401).end();
    }
  });

  async function inTenant(tenant, work) {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await client.query({
        name: "bind",
        text: "SELECT set_config('app.current_tenant_id', $1, true)",
        values: [tenant],
      });
      const result = await work(client);
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  }

  app.get("/v1/posts/:id", async (request, response) => {
    const text = `SELECT ${columns} FROM posts WHERE tenant_id = $1 AND id = $2`;
    const values = [request.tenant, request.params.id];
    const { rows } = await inTenant(request.tenant, (client) => client.query({ name: "get", text, values }));
    if (rows.length === 0) response.status(404).end();
    else response.json(rows[0]);
  });

  app.get("/v1/posts", async (request, response) => {
    const limit = Number(request.query.limit);
    const wanted = request.query.q;
    const like = wanted ? "AND title_folded LIKE $3" : "";
    const text = `SELECT ${columns} FROM posts WHERE tenant_id = $1 ${like} ORDER BY id DESC LIMIT $2`;
    const values = [request.tenant, limit + 1, ...(wanted ? [`%${wanted.toLowerCase()}%`] : [])];
    const name = wanted ? "search" : "list";
    const { rows } = await inTenant(request.tenant, (client) => client.query({ name, text, values }));
    const data = rows.slice(0, limit);
    response.json({ data, next_cursor: rows.length > limit ? data[data.length - 1].id : null });
  });

  app.post("/v1/posts", async (request, response) => {
    const { user_id, title, content } = request.body;
    const text = `INSERT INTO posts (tenant_id, id, user_id, title, title_folded, content, bytes, version, created_at, updated_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, 1, now(), now()) RETURNING ${columns}`;
    const bytes = Buffer.byteLength(title) + Buffer.byteLength(content ?? "");
    const values = [request.tenant, v7(), user_id, title, title.toLowerCase(), content, bytes];
    const { rows } = await inTenant(request.tenant, (client) => client.query({ name: "create", text, values }));
    response.status(201).json(rows[0]);
  });

  app.patch("/v1/posts/:id", async (request, response) => {
    const { title } = request.body;
    const text = `UPDATE posts SET title = $3, title_folded = $4, bytes = $5 + octet_length(content), version = version + 1,
      updated_at = now() WHERE tenant_id = $1 AND id = $2 RETURNING ${columns}`;
    const values = [request.tenant, request.params.id, title, title.toLowerCase(), Buffer.byteLength(title)];
    const { rows } = await inTenant(request.tenant, (client) => client.query({ name: "update", text, values }));
    if (rows.length === 0) response.status(404).end();
    else response.json(rows[0]);
  });

  const [host, port] = process.env.BIND_ADDR.split(":");
  app.listen(Number(port), host);
}
