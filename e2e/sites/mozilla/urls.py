"""The pages, and what the README says."""

from e2e.sites import pages, written

urlpatterns = [
    *pages.urlpatterns(sign_in='<a href="{% url "oidc_authentication_init" %}">Sign in</a>'),
    *written.urls("README.md"),
]
