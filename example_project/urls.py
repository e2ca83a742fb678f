"""The example sites' URLs."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("private/", views.private, name="private"),
    path("admin/", admin.site.urls),
    # 5 of 5: before mozilla's URLs, to replace its /oidc/logout/. Without the page "Where you are
    # signed in", include `django_oidc_logout.urls`.
    path("oidc/", include("django_oidc_logout.urls_account")),
    path("oidc/", include("mozilla_django_oidc.urls")),
    # What the demo compares it with.
    path("django-logout/", LogoutView.as_view(next_page="home"), name="django-logout"),
]
