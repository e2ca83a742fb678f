"""What mozilla-django-oidc does not publish of its tests: settings and addresses."""
