// A site on express-openid-connect whose sessions are in Redis, and so is what a logout token leaves
// there for the next page. It is served twice: with back-channel logout, and without.
//
//   node tools/benchmarks/express.js '{"issuer": ..., "cache_url": ...}'
//
// It answers with one line of JSON, where it listens, and ends when its standard input does.
const { RedisStore } = require("connect-redis");
const express = require("express");
const { auth } = require("express-openid-connect");
const { createClient } = require("redis");

const { issuer, cache_url } = JSON.parse(process.argv[2]);

function site(store, backchannelLogout) {
  const app = express();
  app.use(
    auth({
      issuerBaseURL: issuer,
      baseURL: "http://site.example",
      clientID: "site",
      clientSecret: "secret",
      secret: "benchmarks".repeat(5),
      authRequired: false,
      authorizationParams: { response_type: "code", scope: "openid" },
      session: { store },
      backchannelLogout,
      routes: {
        login: "/oidc/authenticate/",
        callback: "/oidc/callback/",
        backchannelLogout: "/oidc/logout/backchannel/",
      },
    }),
  );
  app.get("/", (request, response) => response.send("home"));
  app.get("/who/", (request, response) => response.send(request.oidc.user?.sub ?? "nobody"));
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve(server.address().port));
    server.keepAliveTimeout = 0; // the client keeps its connection
  });
}

async function main() {
  const client = await createClient({ url: cache_url }).connect();
  await client.flushDb();
  const store = new RedisStore({ client });
  const ports = { with: await site(store, true), without: await site(store, false) };
  console.log(JSON.stringify({ ...ports, node: process.versions.node }));
  process.stdin.resume().on("end", async () => {
    await client.flushDb();
    process.exit();
  });
}

main();
