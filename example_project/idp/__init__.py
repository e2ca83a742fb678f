"""The identity provider of the example: a Django project of its own."""
