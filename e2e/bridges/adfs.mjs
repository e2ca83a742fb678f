// npm's oidc-provider 9, which responds as AD FS does: on https under the path /adfs, with
// certificates in its keys, and with access tokens that are JWTs and name the person.

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { CERTIFICATE, CLIENTS, ISSUER, JWKS, NODE_MODULES } = process.env;
const library = join(NODE_MODULES, "oidc-provider", "lib", "index.js");
const { Provider } = await import(pathToFileURL(library));

const provider = new Provider(ISSUER, {
  clients: JSON.parse(CLIENTS),
  cookies: { keys: ["not a secret"] },
  discovery: { access_token_issuer: ISSUER },
  extraTokenClaims: (ctx, token) => ({ upn: token.accountId }),
  features: {
    backchannelLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, audience) => ({
        accessTokenFormat: "jwt",
        audience,
        jwt: { sign: { alg: "RS256" } },
        scope: "openid",
      }),
      useGrantedResource: () => true,
    },
  },
  // Its own dispatcher refuses sites on loopback.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  jwks: JSON.parse(JWKS),
  pkce: { required: () => false },
});

const { pathname, port } = new URL(ISSUER);
const serve = provider.callback();
const pem = readFileSync(CERTIFICATE);
createServer({ key: pem, cert: pem }, (request, response) => {
  request.originalUrl = request.url;
  request.url = request.url.slice(pathname.length);
  serve(request, response);
}).listen(port, "127.0.0.1");
process.stdin.resume().on("end", () => process.exit());
