"""What the package adds to Django: a cache that never raises, savepoints, a request's scope."""
