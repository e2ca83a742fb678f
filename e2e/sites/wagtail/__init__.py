"""A site with Wagtail's admin that signs in through mozilla-django-oidc, as the README says."""
