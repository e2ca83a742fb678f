// Serves npm's oidc-provider, of either version, for the sites in CLIENTS. It signs in whoever
// gives a name and any password, and says in a line of JSON what became of each logout token.

const { CLIENTS, ISSUER } = process.env;

const report = (notice) => console.log(JSON.stringify(notice));

module.exports = (Provider, features, options) => {
  const provider = new Provider(ISSUER, {
    clients: JSON.parse(CLIENTS),
    claims: { email: ["email"], profile: ["preferred_username"] },
    cookies: { keys: ["not a secret"] },
    features,
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.org` }),
    }),
    ...options,
  });
  provider.on("backchannel.success", (ctx, client) => report({ notified: client.clientId }));
  provider.on("backchannel.error", (ctx, error, client) =>
    report({ notified: client.clientId, error: String(error) }),
  );
  provider.listen(new URL(ISSUER).port, "127.0.0.1");
  process.stdin.resume().on("end", () => process.exit());
};
