"""What django-allauth's own tests do not have: settings and addresses with this app."""
