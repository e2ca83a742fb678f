"""The pages of the measured site: those of the peer's own guide."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path


def home(request):
    """Respond without reading the session."""
    return HttpResponse("home")


def who(request):
    """Say who is signed in."""
    return HttpResponse(request.user.sub if request.user.is_authenticated else "nobody")


def _ours():
    from . import floor

    return [
        path("floor/", floor.back_channel),
        path("bare/", floor.bare_sql),
        path("oidc/", include("django_oidc_logout.urls")),
        path("oidc/", include("mozilla_django_oidc.urls")),
    ]


def _django():
    from django.contrib.auth.views import LogoutView

    return [path("logout/", LogoutView.as_view())]


def _mozilla():
    return [path("oidc/", include("mozilla_django_oidc.urls"))]


def _allauth():
    return [path("accounts/", include("allauth.account.urls"))]


def _lasuite():
    return [path("oidc/", include("lasuite.oidc_login.urls"))]


def _authcodeflow():
    return [path("oidc/", include("oauth2_authcodeflow.urls"))]


def _pyoidc():
    from django_pyoidc.helper import OIDCHelper

    return [path("oidc/", include(OIDCHelper(op_name="default").get_urlpatterns()))]


OWN = {
    "ours": _ours,
    "configured": _ours,
    "django": _django,
    "mozilla": _mozilla,
    "allauth": _allauth,
    "lasuite": _lasuite,
    "authcodeflow": _authcodeflow,
    "pyoidc": _pyoidc,
}
urlpatterns = [path("", home), path("who/", who), *OWN[settings.BENCHMARKED]()]
