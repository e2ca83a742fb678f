// npm's oidc-provider 6, with back-channel logout and short-lived ID Tokens for one site.

const { join } = require("node:path");
const serve = require("./serve.cjs");
const { ttl } = require("./short_lived.cjs");

const { Provider } = require(join(process.env.NODE_MODULES, "oidc-provider-6"));

const channels = { backchannelLogout: { enabled: true }, frontchannelLogout: { enabled: true } };

serve(Provider, channels, { ttl });
