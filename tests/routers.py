"""A database router, for tests that name it in the settings."""

from django_oidc_logout.models import OIDCSession


class ReplicaRouter:
    """A site that reads from a replica that lags behind and has no rows yet."""

    def db_for_read(self, model, **hints):
        return "behind" if model is OIDCSession else None
