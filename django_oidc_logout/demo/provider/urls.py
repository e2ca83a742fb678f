"""The identity provider's URLs. The issuer is the root."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from oauth2_provider.urls import app_name, base_urlpatterns, oidc_urlpatterns

from . import views

# These replace two of django-oauth-toolkit's views. Its pages that manage clients are left out.
replacements = [
    path("authorize/", views.AuthorizationView.as_view(), name="authorize"),
    path(".well-known/openid-configuration", views.DiscoveryView.as_view()),
]

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", LoginView.as_view(template_name="idp/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("stolen-device/", views.stolen_device, name="stolen-device"),
    path("short-session/", views.short_session, name="short-session"),
    path("", include((replacements + base_urlpatterns + oidc_urlpatterns, app_name))),
]
