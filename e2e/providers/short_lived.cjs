// What npm's oidc-provider, of either version, needs to give one site short-lived ID Tokens.

const { SHORT_LIVED } = process.env;

exports.ttl = { IdToken: (ctx, token, client) => (client.clientId === SHORT_LIVED ? 3 : 3600) };
