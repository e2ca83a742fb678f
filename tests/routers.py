"""A database router, for tests that name it in the settings."""

from django_oidc_logout.models import OIDCSession


class ReplicaRouter:
    """A site whose reads go to a replica that is behind: one that has not heard of any row."""

    def db_for_read(self, model, **hints):
        return "behind" if model is OIDCSession else None
