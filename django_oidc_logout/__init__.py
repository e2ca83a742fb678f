"""Sign people out, properly, of Django sites that sign in through OpenID Connect."""
