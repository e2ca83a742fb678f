"""A second database, for the tests of routers."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import connections

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "OPTIONS": {"init_command": "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY"},
}


USES_OTHER = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@contextmanager
def other(folder):
    """Add a database "other" in a file, with the tables of all models and without rows."""
    settings = {**connections.settings["default"], **SQLITE, "NAME": str(folder / "other")}
    connections.settings["other"] = settings
    try:
        with connections["other"].schema_editor() as editor:
            for model in apps.get_models():
                editor.create_model(model)
        yield
    finally:
        connections["other"].close()
        del connections["other"], connections.settings["other"]


@pytest.fixture(scope="module", autouse=True)
def _other(django_db_setup, django_db_blocker, tmp_path_factory):
    """Import this where there is to be another database. Django wants it before the test."""
    with django_db_blocker.unblock(), other(tmp_path_factory.mktemp("databases")):
        django_db_blocker.block()
        try:
            yield
        finally:
            django_db_blocker.restore()


def replicate(*except_for):
    """Copy all rows to the other database, but not those of some models."""
    with connections["other"].constraint_checks_disabled():
        for model in set(apps.get_models(include_auto_created=True)).difference(except_for):
            copies = model._base_manager.using("other")
            copies.all()._raw_delete("other")
            copies.bulk_create(model._base_manager.using("default"))


class Router:
    """Puts apps, by label, into other databases than the default one."""

    def __init__(self, **databases):
        self.databases = databases

    def db_for_write(self, model, **hints):
        return self.databases.get(model._meta.app_label, "default")

    db_for_read = db_for_write

    def allow_relation(self, one, other, **hints):
        return True


class Replica:
    """Reads from a replica, "other"."""

    def db_for_read(self, model, **hints):
        return "other"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, one, other, **hints):
        return True
