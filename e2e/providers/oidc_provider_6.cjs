// npm's oidc-provider 6: the last one with front-channel logout.

const { join } = require("node:path");
const serve = require("./serve.cjs");

const { Provider } = require(join(process.env.NODE_MODULES, "oidc-provider-6"));

serve(Provider, { backchannelLogout: { enabled: true }, frontchannelLogout: { enabled: true } });
