"""What django-allauth's own tests lack: settings and URLs with this app."""
