"""The example site's addresses."""

from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("private/", views.private, name="private"),
    path("admin/", admin.site.urls),
    # 5 of 5: before mozilla's, so that /oidc/logout/ is ours.
    path("oidc/", include("django_oidc_logout.urls")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
