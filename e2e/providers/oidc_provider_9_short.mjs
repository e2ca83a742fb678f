// npm's oidc-provider 9, with back-channel logout and short-lived ID Tokens for one site.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import serve from "./serve.cjs";
import { ttl } from "./short_lived.cjs";

const library = join(process.env.NODE_MODULES, "oidc-provider", "lib", "index.js");
const { Provider } = await import(pathToFileURL(library));

serve(
  Provider,
  { backchannelLogout: { enabled: true } },
  // Its own dispatcher refuses sites on loopback.
  { fetch: (url, { dispatcher, ...options }) => fetch(url, options), ttl },
);
