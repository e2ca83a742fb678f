"""How to sign in and out at each peer, with the same result as its own callback and page.

Sign-ins bypass the provider, because they are not measured.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from . import wsgi


class Driver:
    """A peer that stores nothing at a sign-in, and signs out with one POST."""

    distribution = ""
    page = "/oidc/logout/"
    back_channel = ""

    def before_login(self, request, claims):
        """Do what the peer does before `login()`."""

    def after_login(self, request, claims):
        """Do what the peer does after `login()`."""

    def sign_out(self, cookies):
        """Send a browser's requests until the session has ended; return the responses."""
        return [self._redirected("POST", self.page, cookies)]

    def _redirected(self, method, path, cookies):
        answer = wsgi.request(method, path, cookies=cookies)
        assert answer.status == 302, f"{path} answered {answer.status}"
        return answer

    def _back_and_forth(self, method, page, callback, cookies):
        """Sign out of a session that lives until the provider redirects the browser back."""
        gone = self._redirected(method, page, cookies)
        state = parse_qs(urlsplit(gone.headers["Location"]).query)["state"][0]
        return [gone, self._redirected("GET", f"{callback}?state={state}", cookies)]


class Django(Driver):
    """Django alone."""

    distribution = "django"
    page = "/logout/"


class Ours(Driver):
    """This project."""

    distribution = "django-oidc-logout"
    back_channel = "/oidc/logout/backchannel/"

    def after_login(self, request, claims):
        """Call the function for other login libraries; the mixin does the same."""
        from django_oidc_logout.api import remember_login

        assert remember_login(request, claims["id_token"])


class Mozilla(Driver):
    """mozilla-django-oidc, with the ID Token in the session."""

    distribution = "mozilla-django-oidc"

    def before_login(self, request, claims):
        """Store the ID Token."""
        request.session["oidc_id_token"] = claims["id_token"]


class AllAuth(Driver):
    """django-allauth's accounts."""

    distribution = "django-allauth"
    page = "/accounts/logout/"


class Lasuite(Mozilla):
    """django-lasuite: the session lives until its callback."""

    distribution = "django-lasuite"
    back_channel = "/oidc/backchannel-logout/"

    def before_login(self, request, claims):
        """Store the `sid` as well."""
        super().before_login(request, claims)
        request.session["oidc_sid"] = claims["sid"]

    def sign_out(self, cookies):
        """Go to the provider and back."""
        return self._back_and_forth("POST", "/oidc/logout/", "/oidc/logout-callback/", cookies)


class AuthCodeFlow(Mozilla):
    """django-oauth2-authcodeflow: the same, with a list of tokens that are no longer good."""

    distribution = "django-oauth2-authcodeflow"

    def sign_out(self, cookies):
        """Go to the provider and back."""
        page = "/oidc/total_logout?next=/&fail=/"
        return self._back_and_forth("GET", page, "/oidc/callback", cookies)


class PyOIDC(Driver):
    """django-pyoidc: its back-channel only; its sign-out needs what its callback pickles."""

    distribution = "django-pyoidc"
    back_channel = "/oidc/default-backchannel-logout"

    def after_login(self, request, claims):
        """Record the session as the callback does."""
        from django_pyoidc.models import OIDCSession

        request.session.save()
        OIDCSession.objects.create(
            state=claims["sid"],
            session_state=claims["sid"],
            sub=claims["sub"],
            cache_session_key=request.session.session_key,
        )


DRIVERS = {
    "ours": Ours(),
    "configured": Ours(),
    "django": Django(),
    "mozilla": Mozilla(),
    "allauth": AllAuth(),
    "lasuite": Lasuite(),
    "authcodeflow": AuthCodeFlow(),
    "pyoidc": PyOIDC(),
}
