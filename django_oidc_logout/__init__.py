"""Complete logout for Django sites that use OpenID Connect."""
