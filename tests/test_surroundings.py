"""System checks of the project around the app: what each reports, and what not."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from types import ModuleType

import django
import pytest
from django.apps import apps
from django.conf import UserSettingsHolder
from django.conf import settings as django_settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib.admin import AdminSite
from django.contrib.sessions.backends import db, signed_cookies
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpResponse
from django.urls import include, path, re_path, reverse_lazy
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.middleware import SessionRefresh

from django_oidc_logout.backends import OIDCLogoutBackend, OIDCLogoutMixin
from django_oidc_logout.checks import deployment, project, register
from django_oidc_logout.conf import PROVIDER_KEYS, Settings
from django_oidc_logout.middleware import OIDCSessionMiddleware
from django_oidc_logout.sites import OIDCAdminConfig, OIDCAdminSite
from tests import settings as plain
from tests.factories import ISSUER, UNDECIDED

HERE = __name__
OURS = path("oidc/", include("django_oidc_logout.urls"))
AT_THE_TOP = path("", include("django_oidc_logout.urls"))
MOZILLAS = path("oidc/", include("mozilla_django_oidc.urls"))
METHOD = {"OIDC_OP_LOGOUT_URL_METHOD": "django_oidc_logout.backends.provider_logout_url"}


def answer(request, **kwargs):
    return HttpResponse()


class Answer:
    """A view that is an object."""

    def __call__(self, request):
        return HttpResponse()


def urls(*patterns):
    """Return settings with a URLconf."""
    module = ModuleType("surrounding_urls")
    module.urlpatterns = [*patterns]
    return {"ROOT_URLCONF": module}


def in_languages(**options):
    """Return settings with a URLconf in which our URLs have a language prefix."""
    languages = [("en", "English"), ("de", "German")]
    return urls(*i18n_patterns(OURS, **options)) | {"LANGUAGES": languages}


def provider(alias="default", **options):
    """Return settings with a second provider."""
    own = {"ISSUER": ISSUER} if alias == "default" else {"ISSUER": f"{ISSUER}/{alias}"}
    configured = {**plain.OIDC_LOGOUT_PROVIDERS, alias: {**own, **options}}
    return {"OIDC_LOGOUT_PROVIDERS": configured}


class LastInLine(OIDCAuthenticationBackend, OIDCLogoutMixin):
    """Has the mixin where nobody asks it."""


class OnItsOwn(OIDCLogoutMixin):
    """Has the mixin in front of nothing."""


class InFront(OIDCLogoutMixin, OIDCAuthenticationBackend):
    """Has it where it belongs."""


class Heir(OIDCLogoutBackend):
    """Inherits it."""


def backends(*names, **others):
    return {"AUTHENTICATION_BACKENDS": [*names], **others}


MOZILLAS_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
OWN_BACKEND = "django_oidc_logout.backends.OIDCLogoutBackend"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class OwnMiddleware(OIDCSessionMiddleware):
    """A site's own, of ours."""


class OwnSessionMiddleware(SessionMiddleware):
    """A site's own, of Django's, under another name."""


class SessionMiddlewareOfOthers:
    """Another package's, which derives from nothing."""


class OwnRefresh(SessionRefresh):
    """A site's own, of mozilla's."""


def a_function(get_response):
    """Stand for a middleware that is a function."""
    return get_response


SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
MIDDLEWARE = "django_oidc_logout.middleware.OIDCSessionMiddleware"
REFRESH = "mozilla_django_oidc.middleware.SessionRefresh"
DJANGO_CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware"
PACKAGE_CSP = "csp.middleware.CSPMiddleware"
LOGOUT, CALLBACK, FRAME, STATUS = (
    f"/oidc/logout/{name}" for name in ("", "callback/", "frontchannel/", "status/")
)
NAMES = [f"oidc_logout:{name}" for name in ("logout", "callback", "frontchannel", "status")]


def middleware(*names, **others):
    return {"MIDDLEWARE": [*names], **others}


def refresh(*exempt, by=REFRESH, **others):
    return {"MIDDLEWARE": [*plain.MIDDLEWARE, by], "OIDC_EXEMPT_URLS": [*exempt], **others}


def package_csp(*sources, **others):
    """Return settings with a policy of django-csp 4."""
    policy = {"DIRECTIVES": {"default-src": ["'self'"], "form-action": [*sources]}}
    return {
        "MIDDLEWARE": [*plain.MIDDLEWARE, PACKAGE_CSP],
        "CONTENT_SECURITY_POLICY": policy,
        **others,
    }


def old_csp(**others):
    """Return settings with a policy of django-csp 3."""
    return {"MIDDLEWARE": [*plain.MIDDLEWARE, PACKAGE_CSP], **others}


def cache(backend, **others):
    return {"CACHES": {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}, **others}


LOCAL_MEMORY, DUMMY = cache("locmem.LocMemCache"), cache("dummy.DummyCache")
FILES = {
    "CACHES": {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": "somewhere",
        }
    }
}


def engine(name):
    return {"SESSION_ENGINE": f"django.contrib.sessions.backends.{name}"}


def by_secret(**options):
    """Return settings with a second provider, which signs with the secret."""
    signing = {"CLIENT_ID": "site", "CLIENT_SECRET": "secret", "ALGORITHMS": ["HS256"]}
    return provider("other", **signing, **options)


def templates(**engine):
    """Return settings with one template engine, or none."""
    usual = {"BACKEND": "django.template.backends.django.DjangoTemplates"}
    return {"TEMPLATES": [usual | engine] if engine else []}


def broken_page(name):
    return ("django.template.loaders.locmem.Loader", {name: "{% nonsense %}"})


OF_APPS = "django.template.loaders.app_directories.Loader"

NO_KEYS = {"OIDC_OP_JWKS_ENDPOINT": None}
COGNITO = "django_oidc_logout.providers.CognitoProvider"
SITE = "https://www.example.com"
HOSTS = {"ALLOWED_HOSTS": ["www.example.com"]}
WITH_WAY_BACK = {"CLIENT_ID": "site", "POST_LOGOUT_REDIRECT_URI": f"{SITE}/bye/"}

FOUND = [
    # Algorithms, keys, addresses
    ("E010", provider(ALGORITHMS=["RS256", "RS257"])),
    ("E010", provider(ALGORITHMS=["rs256"])),
    ("E010", {"OIDC_RP_SIGN_ALGO": "RS257"}),
    ("E010", provider("other", CLIENT_ID="site", ALGORITHMS=("RS-256",))),
    ("E011", provider(END_SESSION_ENDPOINT="http://idp.example.com/logout")),
    ("E011", provider(JWKS_URI="idp.example.com/jwks")),
    ("E011", provider(REVOCATION_ENDPOINT="ftp://idp.example.com/revoke")),
    ("E011", provider(REVOCATION_ENDPOINT="https://")),
    ("E012", provider(POST_LOGOUT_REDIRECT_URI="www.example.com/bye/")),
    ("E012", provider(POST_LOGOUT_REDIRECT_URI="//www.example.com/bye/")),
    ("E012", provider(POST_LOGOUT_REDIRECT_URI="bye")),
    ("E013", NO_KEYS | {"OIDC_RP_SIGN_ALGO": "HS256", "OIDC_RP_CLIENT_SECRET": ""}),
    ("E013", provider("other", CLIENT_ID="site", ALGORITHMS=["RS256", "HS512"])),
    ("E014", backends(f"{HERE}.LastInLine")),
    ("E014", backends(MOZILLAS_BACKEND, f"{HERE}.OnItsOwn", OIDC_STORE_ID_TOKEN=True)),
    ("W004", {"OIDC_OP_JWKS_ENDPOINT": "http://idp.example.com/jwks"}),
    ("W005", provider("other", ISSUER=ISSUER, CLIENT_ID="site")),
    ("W006", {"OIDC_RP_SIGN_ALGO": "HS256"}),
    ("W006", {"OIDC_RP_SIGN_ALGO": "HS512"}),
    ("W006", by_secret(JWKS_URI=f"{ISSUER}/jwks")),
    ("W007", backends(MOZILLAS_BACKEND, OIDC_STORE_ID_TOKEN=True, OIDC_LOGOUT_REVOKE_TOKENS=True)),
    ("W008", backends(MOZILLAS_BACKEND)),
    ("W008", backends(MODEL_BACKEND)),
    # mozilla's setting is nothing to other backends.
    ("W008", backends(MODEL_BACKEND, OIDC_STORE_ID_TOKEN=True)),
    ("W008", backends("nowhere.Backend")),
    ("W008", backends(OWN_BACKEND, MOZILLAS_BACKEND)),
    ("W008", backends(MODEL_BACKEND, OIDC_LOGOUT_BACKENDS=[MODEL_BACKEND])),
    ("W008", backends(MODEL_BACKEND, OIDC_LOGOUT_BACKENDS=[])),
    ("W025", {"OIDC_LOGOUT_BACKENDS": [OWN_BACKEND, "nowhere.Backend"]}),
    ("E025", {"OIDC_LOGOUT_BACKENDS": OWN_BACKEND}),
    ("E025", {"OIDC_LOGOUT_BACKENDS": [OIDCLogoutBackend]}),
    # URLs
    ("E016", urls(MOZILLAS)),
    ("E016", urls(path("", answer))),
    ("E016", urls(path("oidc/", include(([OURS], "inner"))))),
    ("E016", urls(path("<slug:tenant>/", include([OURS])))),
    ("E016", urls(MOZILLAS) | {"OIDC_OP_LOGOUT_URL_METHOD": "site.logout_url"}),
    ("E017", urls(MOZILLAS, OURS)),
    ("E017", urls(path("oidc/logout/", answer), OURS)),
    ("E017", urls(path("oidc/logout/callback/", answer), OURS) | METHOD),
    ("E017", urls(path("oidc/logout/status/", Answer()), OURS)),
    ("E017", urls(path("oidc/logout/backchannel/", answer, name="backchannel"), OURS)),
    ("W056", urls(OURS, *i18n_patterns(MOZILLAS))),
    ("W056", urls(MOZILLAS) | provider(POST_LOGOUT_REDIRECT_URI="https://www.example.com/bye/")),
    ("W003", {"OIDC_LOGOUT_REDIRECT_URL": "nowhere"}),
    ("W003", {"OIDC_LOGOUT_REDIRECT_URL": "www.example.com/bye/"}),
    ("W003", {"OIDC_LOGOUT_REDIRECT_URL": reverse_lazy("nowhere")}),
    ("W003", {"OIDC_LOGOUT_REDIRECT_URL": 5}),
    ("W003", {"LOGOUT_REDIRECT_URL": "nowhere"}),
    # Sessions and middleware
    ("E018", middleware(MIDDLEWARE)),
    ("E018", middleware(f"{HERE}.OwnMiddleware", SESSION, AUTHENTICATION)),
    ("E018", middleware(MIDDLEWARE, f"{HERE}.OwnSessionMiddleware")),
    ("E018", middleware(f"{HERE}.a_function", MIDDLEWARE, SESSION)),
    ("E019", middleware(SESSION, AUTHENTICATION, **engine("signed_cookies"))),
    ("E019", middleware(SESSION, AUTHENTICATION, SESSION_ENGINE=f"{HERE}.cookies")),
    ("W009", middleware(SESSION, MIDDLEWARE, AUTHENTICATION)),
    ("W009", middleware(SESSION, f"{HERE}.OwnMiddleware", AUTHENTICATION)),
    ("W010", middleware(SESSION, AUTHENTICATION)),
    ("W010", middleware(SESSION, AUTHENTICATION, **engine("file"))),
    ("W010", middleware(SESSION, AUTHENTICATION, "nowhere.OIDCSessionMiddleware")),
    ("W011", refresh()),
    ("W011", refresh(by=f"{HERE}.OwnRefresh")),
    ("W011", refresh(*NAMES[1:3])),
    ("W011", refresh(CALLBACK, FRAME, re.compile("/logout/"))),
    ("W011", refresh(*NAMES[:3], "nowhere", f"/en{STATUS}", 5)),
    ("W011", refresh(OIDC_EXEMPT_URLS=None)),
    ("W011", refresh(OIDC_EXEMPT_URLS="oidc_logout:status")),
    # mozilla's own path is exempt; ours is another here.
    ("W011", refresh(*NAMES[1:], **urls(AT_THE_TOP, MOZILLAS), **METHOD)),
    # Browsers
    ("W013", package_csp("'self'")),
    ("W013", package_csp("'none'")),
    ("W013", package_csp()),
    ("W013", package_csp("'self'", "https://shop.example.com")),
    ("W013", package_csp("https://idp.example.com:8443")),
    ("W013", package_csp("https://*.idp.example.com")),
    ("W013", package_csp("ws://idp.example.com")),
    ("W013", package_csp(ISSUER) | provider(END_SESSION_ENDPOINT="https://sso.example.org/out")),
    ("W013", package_csp("'self'") | provider(BACKEND=COGNITO, RECHECK=True)),
    ("W013", old_csp(CSP_FORM_ACTION=["'self'"])),
    ("W013", old_csp(CSP_FORM_ACTION="'self' https://shop.example.com")),
    ("W014", {"OIDC_LOGOUT_CLEAR_SITE_DATA": ["storage", "cookies"]}),
    ("W014", {"OIDC_LOGOUT_CLEAR_SITE_DATA": ("*",)}),
    ("W015", {"SESSION_COOKIE_SAMESITE": "strict"}),
    ("W016", {"SESSION_COOKIE_SAMESITE": "none"}),
    ("W022", templates()),
    ("W022", templates(APP_DIRS=False)),
    ("W022", templates(APP_DIRS=True, BACKEND="django.template.backends.dummy.TemplateStrings")),
    ("W022", templates(OPTIONS={"loaders": [broken_page("oidc_logout/confirm.html"), OF_APPS]})),
    ("W023", in_languages()),
    ("W023", in_languages(prefix_default_language=False)),
    ("W023", in_languages() | provider("other", **WITH_WAY_BACK)),
    # Deployment
    ("W017", {"USE_X_FORWARDED_PORT": True}),
    ("W017", HOSTS | {"CSRF_TRUSTED_ORIGINS": [SITE]}),
    ("W017", {"ALLOWED_HOSTS": [".example.com"], "CSRF_TRUSTED_ORIGINS": ["https://example.com"]}),
    ("W017", {"USE_X_FORWARDED_HOST": True, **provider("other", **WITH_WAY_BACK)}),
    ("W018", LOCAL_MEMORY),
    ("W019", DUMMY),
    ("W020", engine("cache")),
    ("W020", engine("cached_db")),
]  # fmt: skip
LEFT_ALONE = [
    provider(ALGORITHMS=["RS256", "PS384", "ES512", "EdDSA"]),
    provider(END_SESSION_ENDPOINT="http://localhost:8080/logout"),
    provider(JWKS_URI="", REVOCATION_ENDPOINT=""),
    by_secret(),
    provider(POST_LOGOUT_REDIRECT_URI="http://localhost:8000/oidc/logout/callback/"),
    provider(POST_LOGOUT_REDIRECT_URI=""),
    # mozilla's default algorithm, with a secret and no keys, or with nothing said at all
    NO_KEYS | {"OIDC_RP_SIGN_ALGO": "HS256"},
    {"OIDC_RP_CLIENT_SECRET": None},
    {"OIDC_OP_JWKS_ENDPOINT": "http://localhost:8080/jwks"},
    {"OIDC_OP_JWKS_ENDPOINT": "http://idp.example.com/jwks"} | provider(JWKS_URI=f"{ISSUER}/jwks"),
    provider("other", ISSUER=ISSUER, CLIENT_ID="another"),
    provider("other", CLIENT_ID="site"),
    backends(f"{HERE}.InFront"),
    backends(f"{HERE}.Heir", MODEL_BACKEND),
    backends(MOZILLAS_BACKEND, OIDC_STORE_ID_TOKEN=True),
    backends(f"{HERE}.Heir", MODEL_BACKEND, OIDC_LOGOUT_BACKENDS=(MOZILLAS_BACKEND,)),
    {"OIDC_LOGOUT_REVOKE_TOKENS": True},
    urls(OURS),
    in_languages() | provider(POST_LOGOUT_REDIRECT_URI=f"{SITE}/en/oidc/logout/callback/"),
    in_languages() | {"LANGUAGES": [("en", "English")]},
    urls(MOZILLAS, OURS) | METHOD,
    urls(MOZILLAS) | METHOD,
    urls(path("<path:anything>/", answer), path("", answer)) | provider(POST_LOGOUT_REDIRECT_URI="https://a.example/"),
    urls(OURS, MOZILLAS, re_path(".*", answer)),
    urls(path("a/b/", include("django_oidc_logout.urls_account"))),
    urls(path("oidc/", include("django_oidc_logout.urls", namespace="sign-out"))),
    # Django says itself what is wrong with the URLconf.
    {"ROOT_URLCONF": None, "OIDC_LOGOUT_REDIRECT_URL": "bye"},
    {"OIDC_LOGOUT_REDIRECT_URL": "bye"},
    {"OIDC_LOGOUT_REDIRECT_URL": reverse_lazy("bye")},
    {"OIDC_LOGOUT_REDIRECT_URL": "/bye/"},
    {"OIDC_LOGOUT_REDIRECT_URL": "../../bye/"},
    {"OIDC_LOGOUT_REDIRECT_URL": "https://www.example.com", "LOGOUT_REDIRECT_URL": "nowhere"},
    {"OIDC_LOGOUT_REDIRECT_URL": "", "LOGOUT_REDIRECT_URL": ""},
    middleware(SESSION, AUTHENTICATION, MIDDLEWARE, **engine("signed_cookies")),
    middleware(SESSION, AUTHENTICATION, f"{HERE}.OwnMiddleware", SESSION_ENGINE=f"{HERE}.cookies"),
    middleware(f"{HERE}.OwnSessionMiddleware", AUTHENTICATION, MIDDLEWARE),
    middleware("user_sessions.middleware.SessionMiddleware", MIDDLEWARE),
    middleware(SESSION, AUTHENTICATION, f"{HERE}.a_function", MIDDLEWARE),
    engine("file"),
    engine("nowhere"),
    refresh(*NAMES),
    refresh(CALLBACK, FRAME, STATUS),
    refresh(re.compile("/oidc/logout/")),
    refresh(*NAMES, by=f"{HERE}.OwnRefresh"),
    refresh(*NAMES[1:]),  # mozilla's own is at the same path
    refresh(**urls(MOZILLAS), **METHOD),
    package_csp("'self'", ISSUER),
    package_csp("'self'", "idp.example.com"),
    package_csp("'self'", "https://idp.example.com/realms/"),
    package_csp("'self'", "https://*.example.com"),
    package_csp("'self'", "https:"),
    package_csp("*"),
    package_csp("http://idp.example.com"),
    package_csp("https://idp.example.com:*"),
    package_csp("'self'", OIDC_LOGOUT_RESPONSE="refresh"),
    # Where its endpoint is, only discovery knows.
    package_csp("'self'", "https://login.example.org") | provider(BACKEND=COGNITO, RECHECK=True),
    package_csp("'self'") | {"MIDDLEWARE": plain.MIDDLEWARE},
    old_csp(),
    old_csp(CSP_FORM_ACTION=["'self'", ISSUER]),
    old_csp(CSP_FORM_ACTION=["'self'"], CSP_REPORT_ONLY=True),
    old_csp(CSP_FORM_ACTION=["'self'"], CONTENT_SECURITY_POLICY={}),
    old_csp(CSP_DEFAULT_SRC=["'self'"]),
    templates(APP_DIRS=True),
    templates(OPTIONS={"loaders": [OF_APPS]}),
    templates(OPTIONS={"loaders": [broken_page("bye.html"), OF_APPS]}),
    {"SESSION_COOKIE_SAMESITE": None},
    {"SESSION_COOKIE_SAMESITE": False},
    {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True},
    {"USE_X_FORWARDED_HOST": True} | provider(POST_LOGOUT_REDIRECT_URI=f"{SITE}/bye/"),
    {"SECURE_SSL_REDIRECT": True, "SESSION_COOKIE_SECURE": True, **HOSTS},
    HOSTS | {"CSRF_TRUSTED_ORIGINS": ["https://app.example.com"]},
    LOCAL_MEMORY | {"DEBUG": True},
    DUMMY | {"DEBUG": True},
    FILES,
    FILES | engine("cache"),
    DUMMY | engine("cached_db") | {"DEBUG": True},
    engine("cached_db") | {"DEBUG": True},
    engine("cache") | {"SESSION_CACHE_ALIAS": "nowhere"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _django_csp(monkeypatch):
    """Stand in for django-csp, which is rarely installed."""
    module = ModuleType("csp.middleware")
    module.CSPMiddleware = type("CSPMiddleware", (), {})
    monkeypatch.setitem(sys.modules, "csp", ModuleType("csp"))
    monkeypatch.setitem(sys.modules, "csp.middleware", module)
    engine = ModuleType(f"{HERE}.cookies")
    engine.SessionStore = type("SessionStore", (signed_cookies.SessionStore,), {})
    monkeypatch.setitem(sys.modules, engine.__name__, engine)


CHECKS = [check for check in vars(register).values() if hasattr(check, "tags")]


def ours(**options):
    """Return the ids of our messages, those for production included."""
    return {
        message.id.removeprefix("oidc_logout.")
        for check in CHECKS
        if options or Tags.database not in check.tags
        for message in check(app_configs=None, databases=options.get("databases"))
        if message.id not in UNDECIDED
    }


def change(settings, values):
    for name, value in values.items():
        setattr(settings, name, value)


@pytest.mark.parametrize(("id_", "values"), FOUND)
def test_found(settings, id_, values):
    change(settings, values)
    assert ours() == {id_}


@pytest.mark.parametrize("values", LEFT_ALONE)
def test_left_alone(settings, values):
    change(settings, values)
    assert ours() == set()


def messages(id_):
    found = run_checks(include_deployment_checks=True)
    return [message for message in found if message.id == f"oidc_logout.{id_}"]


def test_an_unknown_algorithm_is_told_the_known_ones(settings):
    change(settings, provider(ALGORITHMS=["RS257", "none"]))
    (message,) = messages("E010")
    assert "'RS257'" in message.msg
    assert all(name in message.hint for name in ("RS256", "ES256", "EdDSA", "HS256"))
    assert "none" not in message.hint


def test_who_answers_in_our_place_is_named(settings):
    change(settings, urls(MOZILLAS, path("oidc/logout/status/", Answer()), OURS))
    said = sorted(message.msg for message in messages("E017"))
    assert len(said) == 2
    assert said[0].startswith(
        "/oidc/logout/ is served by mozilla_django_oidc.views.OIDCLogoutView,"
    )
    assert said[1].startswith(f"/oidc/logout/status/ is served by {HERE}.Answer,")


def test_what_takes_everything_takes_all_our_views(settings):
    change(settings, urls(re_path("", answer), OURS))
    assert len(messages("E017")) == 5


def test_urls_below_a_prefix_are_ours(settings):
    django.urls.set_script_prefix("/site/")
    try:
        assert ours() == set()
        change(settings, urls(MOZILLAS, OURS))
        assert ours() == {"E017"}
    finally:
        django.urls.clear_script_prefix()


def test_only_what_is_missing_is_to_be_exempt(settings):
    change(settings, refresh(NAMES[1], FRAME))
    (message,) = messages("W011")
    assert "oidc_logout:status" in message.msg
    assert message.hint == "Add to OIDC_EXEMPT_URLS: 'oidc_logout:status'."


def test_the_setting_in_which_the_landing_place_is_wrong_is_named(settings):
    change(settings, {"LOGOUT_REDIRECT_URL": "nowhere"})
    (message,) = messages("W003")
    assert message.msg.startswith("LOGOUT_REDIRECT_URL")
    change(settings, {"OIDC_LOGOUT_REDIRECT_URL": "nowhere"})
    (message,) = messages("W003")
    assert message.msg.startswith("OIDC_LOGOUT_REDIRECT_URL")


def test_a_policy_that_stops_one_provider_of_two(settings):
    change(settings, package_csp("'self'", ISSUER))
    change(settings, provider("other", ISSUER="https://login.example.org", CLIENT_ID="site"))
    (message,) = messages("W013")
    assert "'other'" in message.msg


def test_djangos_own_policy(settings):
    has_policy = django.VERSION >= (6,)
    own = django.utils.csp.CSP.SELF if has_policy else "'self'"
    settings.MIDDLEWARE = [*plain.MIDDLEWARE, DJANGO_CSP]
    settings.SECURE_CSP_REPORT_ONLY = {"form-action": [own]}
    assert ours() == set()
    settings.SECURE_CSP = {"form-action": [own]}
    assert ours() == ({"W013"} if has_policy else set())
    settings.SECURE_CSP = {"form-action": [own, ISSUER]}
    assert ours() == set()


def test_sites_need_not_choose_an_algorithm_because_discovery_names_it(settings):
    change(settings, backends(MODEL_BACKEND))
    change(settings, {"OIDC_RP_SIGN_ALGO": None, "OIDC_OP_JWKS_ENDPOINT": None})
    del settings.OIDC_RP_SIGN_ALGO
    assert ours() == {"W008"}


def test_a_database_server_speaks_for_several_processes(settings, monkeypatch):
    monkeypatch.setattr(connections["default"], "vendor", "postgresql")
    assert ours() == {"W018"}
    settings.DEBUG = True
    assert ours() == set()


def test_a_session_model_that_is_not_installed(settings, monkeypatch):
    def get_model_class():
        raise RuntimeError("isn't in an application in INSTALLED_APPS")

    module = ModuleType("surrounding_engine")
    attributes = {"get_model_class": staticmethod(get_model_class)}
    module.SessionStore = type("SessionStore", (db.SessionStore,), attributes)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    settings.SESSION_ENGINE = module.__name__
    assert ours() == {"E015"}


@pytest.fixture
def admin_config(monkeypatch):
    """Have our AdminConfig among the apps, without the models of the admin."""
    module = ModuleType("surrounding_admin")
    module.__path__ = ["."]
    monkeypatch.setitem(apps.app_configs, "admin", OIDCAdminConfig("django.contrib.admin", module))


class StaffSite(AdminSite):
    """A site's own, without the mixin."""


def test_an_admin_site_that_signs_out_of_this_site_only(settings, admin_config):
    site = StaffSite(name="staff")
    assert project.check_admin_sites() == []  # it is in no URLconf
    change(settings, urls(path("staff/", site.urls)))
    (message,) = project.check_admin_sites()
    assert f"'staff' ({HERE}.StaffSite)" in message.msg


def test_an_admin_site_that_signs_out_of_both(settings, admin_config):
    change(settings, urls(path("staff/", OIDCAdminSite(name="staff").urls)))
    assert project.check_admin_sites() == []


def test_admin_sites_of_urls_that_cannot_be_imported(settings, admin_config):
    settings.ROOT_URLCONF = "nowhere"
    assert project.check_admin_sites() == []


def test_an_admin_that_is_to_sign_out_of_this_site_only(settings):
    site = StaffSite(name="staff")
    change(settings, urls(path("staff/", site.urls)))
    assert project.check_admin_sites() == []


NEEDED = "django_oidc_logout"


@pytest.mark.django_db
def test_a_migration_that_is_not_applied():
    assert ours(databases=["default"]) == set()
    MigrationRecorder(connection).record_unapplied(NEEDED, "0001_initial")
    assert ours(databases=["default"]) == {"W021"}
    assert ours(databases=[]) == set()
    found = [m for m in run_checks(databases=["default"]) if m.id == "oidc_logout.W021"]
    assert f"to the database 'default': {NEEDED}.0001_initial" in found[0].msg


@pytest.mark.django_db
def test_migrate_is_not_told_what_it_is_about_to_do(monkeypatch):
    MigrationRecorder(connection).record_unapplied(NEEDED, "0001_initial")
    monkeypatch.setattr(sys, "argv", ["manage.py", "migrate"])
    assert ours(databases=["default"]) == set()


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"ATOMIC_REQUESTS": True}, {"W024"}),
        ({"ATOMIC_REQUESTS": True, "OPTIONS": {"transaction_mode": "DEFERRED"}}, {"W024"}),
        ({"ATOMIC_REQUESTS": True, "OPTIONS": {"transaction_mode": "immediate"}}, set()),
        ({"ATOMIC_REQUESTS": True, "OPTIONS": None}, {"W024"}),
        ({"ATOMIC_REQUESTS": True, "ENGINE": "django.db.backends.postgresql"}, set()),
        ({"ATOMIC_REQUESTS": False}, set()),
    ],
)
def test_sqlite_with_a_transaction_around_each_request(monkeypatch, database, expected):
    given = {"default": {"ENGINE": "django.db.backends.sqlite3", **database}}
    raw = Settings.raw
    monkeypatch.setattr(
        Settings,
        "raw",
        lambda self, name, *a: given if name == "DATABASES" else raw(self, name, *a),
    )
    assert {message.id for message in deployment.check_sqlite()} == {
        f"oidc_logout.{id_}" for id_ in expected
    }


@pytest.mark.django_db
def test_a_database_that_is_not_for_our_table(settings):
    MigrationRecorder(connection).record_unapplied(NEEDED, "0001_initial")
    settings.DATABASE_ROUTERS = [f"{HERE}.Elsewhere"]
    assert ours(databases=["default"]) == set()


class Elsewhere:
    """Keeps our table out of a database."""

    def allow_migrate(self, alias, app_label, **hints):
        return app_label != NEEDED


@pytest.mark.django_db
def test_a_database_that_is_down(monkeypatch):
    def down(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", down)
    assert ours(databases=["default"]) == set()


@pytest.mark.django_db
def test_plain_checks_do_not_query(django_assert_num_queries, capsys):
    with django_assert_num_queries(0):
        call_command("check", "--deploy")
        call_command("check", "--tag", "oidc_logout")
    assert {*re.findall(r"oidc_logout\.W\d+", capsys.readouterr().err)} == UNDECIDED


def test_each_can_be_silenced(settings, capsys):
    change(settings, engine("cached_db"))
    call_command("check", "--deploy")
    assert "(oidc_logout.W020)" in capsys.readouterr().err
    settings.SILENCED_SYSTEM_CHECKS = ["oidc_logout.W020"]
    call_command("check", "--deploy")
    assert "W020" not in capsys.readouterr().err


NONSENSE = [
    None, "", "x", b"x", 0, 5, -1.5, True, [], [None], [[]], [5, "x"], ["x"], (), ({},), {}, {"x"},
    {"default": None}, {"default": {}}, {None: None}, {5: 5}, object, object(), [object()], answer,
    "\ud800", "https://[", ["https://["], {"form-action": 5}, {"DIRECTIVES": {"form-action": [5]}},
]  # fmt: skip
LAZY = reverse_lazy("nowhere")
MAY_BE_LAZY = {"OIDC_LOGOUT_REDIRECT_URL", "LOGOUT_REDIRECT_URL"}
READ = [
    "ALLOWED_HOSTS", "AUTHENTICATION_BACKENDS", "CACHES", "CONTENT_SECURITY_POLICY",
    "CSP_FORM_ACTION", "CSP_REPORT_ONLY", "CSRF_TRUSTED_ORIGINS", "DEBUG", "LANGUAGES",
    "LOGOUT_REDIRECT_URL", "MIDDLEWARE", "OIDC_EXEMPT_URLS", "OIDC_LOGOUT_ALLOWED_HOSTS",
    "OIDC_LOGOUT_CLEAR_SITE_DATA", "OIDC_LOGOUT_GET", "OIDC_LOGOUT_NO_STORE",
    "OIDC_LOGOUT_PROVIDERS", "OIDC_LOGOUT_REDIRECT_URL", "OIDC_LOGOUT_RESPONSE",
    "OIDC_LOGOUT_REVOKE_TOKENS", "OIDC_OP_JWKS_ENDPOINT", "OIDC_OP_LOGOUT_URL_METHOD",
    "OIDC_RP_CLIENT_ID", "OIDC_RP_CLIENT_SECRET", "OIDC_RP_SIGN_ALGO", "OIDC_STORE_ID_TOKEN",
    "ROOT_URLCONF", "SECURE_CSP", "SECURE_PROXY_SSL_HEADER", "SESSION_CACHE_ALIAS",
    "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_SECURE", "SESSION_ENGINE", "USE_X_FORWARDED_HOST",
    "USE_X_FORWARDED_PORT",
]  # fmt: skip


@contextmanager
def written(**values):
    """Set settings without Django's signal, because Django itself may reject them."""
    before = django_settings._wrapped
    holder = UserSettingsHolder(before)
    vars(holder).update(values)
    vars(django_settings).clear()
    vars(django_settings)["_wrapped"] = holder
    try:
        yield
    finally:
        vars(django_settings).clear()
        vars(django_settings)["_wrapped"] = before


@pytest.mark.parametrize("name", READ)
def test_no_nonsense_makes_a_check_fail(name):
    policies = [*plain.MIDDLEWARE, PACKAGE_CSP, REFRESH]
    surroundings = [{}, engine("cached_db"), {"MIDDLEWARE": policies}, urls(MOZILLAS)]
    for value in [*NONSENSE, LAZY] if name in MAY_BE_LAZY else NONSENSE:
        for others in surroundings:
            with written(**others, **{name: value} if name not in others else {}):
                ours()


@pytest.mark.parametrize("key", PROVIDER_KEYS)
def test_no_nonsense_in_a_provider_makes_a_check_fail(key):
    csp = package_csp("'self'", "https://idp.example.com")
    for value in NONSENSE:
        with written(**provider(**{key: value}), **csp):
            ours()
        with written(**provider("other", **{key: value})):
            ours()


def test_nobody_can_be_signed_in_without_auth(monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "django.contrib.auth")
    with pytest.raises(ImproperlyConfigured, match=r"needs django\.contrib\.auth"):
        apps.get_app_config("django_oidc_logout").ready()
