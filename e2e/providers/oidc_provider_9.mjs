// npm's oidc-provider 9: the newest, with back-channel logout.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import serve from "./serve.cjs";

const library = join(process.env.NODE_MODULES, "oidc-provider", "lib", "index.js");
const { Provider } = await import(pathToFileURL(library));

serve(
  Provider,
  { backchannelLogout: { enabled: true } },
  // Its own dispatcher refuses sites on loopback.
  { fetch: (url, { dispatcher, ...options }) => fetch(url, options) },
);
