"""The pages, Wagtail's admin with its own button, and what the README says."""

from django.urls import include, path
from wagtail.admin import urls as wagtailadmin_urls

from django_oidc_logout.views import LogoutView
from e2e.sites import pages, written

BUTTON = (
    '<form method="post" action="{% url "wagtailadmin_logout" %}">{% csrf_token %}<button></form>'
)

urlpatterns = [
    *pages.urlpatterns(
        sign_in='<a href="{% url "oidc_authentication_init" %}">Sign in</a>', button=BUTTON
    ),
    path("cms/logout/", LogoutView.as_view()),
    path("cms/", include(wagtailadmin_urls)),
    *written.urls("README.md", path=path, include=include),
]
