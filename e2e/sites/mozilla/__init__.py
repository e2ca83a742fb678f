"""A site that signs in through mozilla-django-oidc, as the README says."""
