"""The example sites' URLs."""

from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("private/", views.private, name="private"),
    path("admin/", admin.site.urls),
    # 5 of 5: before mozilla's URLs, to replace its /oidc/logout/.
    path("oidc/", include("django_oidc_logout.urls")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
