"""The tests' settings with django-tenants, as docs/how-to/several-nodes.md says."""

import os

from tests.admin.settings import *  # noqa: F403
from tests.admin.settings import INSTALLED_APPS as TENANT_APPS
from tests.admin.settings import MIDDLEWARE
from tests.settings_servers import database

SHARED_APPS = ["django_tenants", "e2e.tenants"]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
ALLOWED_HOSTS = [".example.com"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        **database(os.environ["POSTGRESQL_URL"]),
        "ENGINE": "django_tenants.postgresql_backend",
    }
}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    }
}
