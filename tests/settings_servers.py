"""The tests' settings, on the servers that DATABASE_URL and CACHE_URL name.

    DATABASE_URL=postgresql://user@127.0.0.1:5432/name CACHE_URL=redis://127.0.0.1:6379 \\
        pytest --ds=tests.settings_servers ...

Also mysql:// (for MariaDB), sqlite:// (for a file) and memcached://. What is not named is as in the
tests' settings: SQLite and LocMem. `.ci/servers` starts one of each.
"""

import os
from urllib.parse import unquote, urlsplit

from tests.settings import *  # noqa: F403

ENGINES = {"postgresql": "postgresql", "mysql": "mysql"}
MEMCACHED = "django.core.cache.backends.memcached.PyMemcacheCache"
REDIS = "django.core.cache.backends.redis.RedisCache"


def database(url):
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.path}
    if parts.scheme == "mysql":
        import pymysql  # noqa: PLC0415  # wanted for this database only

        pymysql.install_as_MySQLdb()
    return {
        "ENGINE": f"django.db.backends.{ENGINES[parts.scheme]}",
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "NAME": parts.path.strip("/"),
    }


def cache(url):
    parts = urlsplit(url)
    if parts.scheme == "redis":
        return {"BACKEND": REDIS, "LOCATION": url}
    return {"BACKEND": {"memcached": MEMCACHED}[parts.scheme], "LOCATION": parts.netloc}


if url := os.environ.get("DATABASE_URL"):
    DATABASES = {"default": database(url)}
if url := os.environ.get("CACHE_URL"):
    CACHES = {"default": cache(url)}
