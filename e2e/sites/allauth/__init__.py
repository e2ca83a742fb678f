"""A site that signs in through django-allauth, as docs/how-to/allauth.md says."""
