"""A site with django-tenants: each tenant has a PostgreSQL schema of its own."""
