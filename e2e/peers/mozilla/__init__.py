"""What mozilla-django-oidc's published tests lack: settings and URLs."""
