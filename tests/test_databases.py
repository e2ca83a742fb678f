"""Routers: the index must be where the users are."""

from __future__ import annotations

import pytest

from django_oidc_logout.checks import deployment


class RoutesOneApp:
    """A router that puts one app into another database."""

    def __init__(self, app):
        self.app = app

    def db_for_write(self, model, **hints):
        return "other" if model._meta.app_label == self.app else None


@pytest.mark.parametrize(
    ("app", "found"),
    [
        ("django_oidc_logout", ["oidc_logout.W060"]),
        ("auth", ["oidc_logout.W060"]),
        ("sessions", []),
    ],
)
def test_index_beside_the_users(settings, app, found):
    settings.DATABASE_ROUTERS = [RoutesOneApp(app)]
    assert [message.id for message in deployment.check_database_of_users()] == found
