"""The pages, and what docs/how-to/authlib.md says."""

from importlib import import_module

from e2e.sites import pages, written

urlpatterns = [
    *pages.urlpatterns(sign_in='<a href="/sign-in/">Sign in</a>'),
    *written.urls(
        "docs/how-to/authlib.md",
        sign_in=import_module("mysite.sign_in"),
    ),
]
