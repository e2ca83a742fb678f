"""A site that signs in through social-auth-app-django, as docs/how-to/social-auth.md says."""
