"""No URLs of the package, nor of mozilla-django-oidc."""

urlpatterns: list[object] = []
