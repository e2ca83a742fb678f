"""The identity provider of the example, which is a separate Django project."""
