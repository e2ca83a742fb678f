"""Other packages' logout buttons: they are found, and our view takes their place."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.apps import apps
from django.conf.urls.i18n import i18n_patterns
from django.contrib.admin import AdminSite
from django.contrib.auth.views import LogoutView as DjangosView
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import override_script_prefix
from django.urls import include, path, re_path
from django.utils.translation import override
from django.views import View

from django_oidc_logout.api import sign_out
from django_oidc_logout.checks import buttons, lookup
from django_oidc_logout.sites import OIDCAdminSite
from django_oidc_logout.views import LogoutView
from tests.factories import HOSTILE, force_sign_in, is_signed_in, query_of
from tests.urls import urlpatterns

OURS = path("oidc/", include("django_oidc_logout.urls"))
MOZILLAS = path("oidc/", include("mozilla_django_oidc.urls"))
ALLAUTH_BRIDGE = "django_oidc_logout.contrib.allauth"


class Subclass(DjangosView):
    """A subclass in which Django's code signs out."""

    template_name = "bye.html"


class OwnPost(DjangosView):
    """A subclass that signs out of the provider."""

    def post(self, request, *args, **kwargs):
        return sign_out(request)


class OwnAdminSite(AdminSite):
    """An admin site that signs out of the provider in its own way."""

    def logout(self, request, extra_context=None):
        return sign_out(request)


class StaffSite(AdminSite):
    """A site's own, without the mixin."""


def stand_in(name, base):
    """Return a view class that is named as another package's."""
    module, _, qualname = name.rpartition(".")
    attributes = {"__module__": module, "__qualname__": qualname}
    return type(qualname, (base,), {**attributes, "dispatch": lambda self, request: HttpResponse()})


WAGTAILS = stand_in("wagtail.admin.views.account.LogoutView", DjangosView)
ALLAUTHS = stand_in("allauth.account.views.LogoutView", View)
ALLAUTHS_SINCE_65 = stand_in("allauth.account.views._logout.LogoutView", View)
ALLAUTHS_PROVIDER = stand_in("allauth.idp.oidc.views.LogoutView", View)

ADMIN_LINE = 'Put "django_oidc_logout.sites.OIDCAdminConfig" into INSTALLED_APPS'
MIXIN_LINE = "Add django_oidc_logout.sites.OIDCAdminSiteMixin before"
APP_LINE = f'Add "{ALLAUTH_BRIDGE}" to INSTALLED_APPS.'
DJANGO = DjangosView.as_view()
TO_B = {"argument": 'return_to="/b/"'}
TO_WAGTAIL = {"argument": 'return_to="wagtailadmin_login"'}


def line(route, argument="", where=""):
    """Return the beginning of a hint."""
    return f'Add path("{route}", LogoutView.as_view({argument})) before it{where}, with LogoutView'


FOUND = [
    ([path("a/", DJANGO)], "/a/", line("a/")),
    ([path("a/", Subclass.as_view(next_page="/b/"))], "/a/", line("a/", **TO_B)),
    ([path("a/", include("django.contrib.auth.urls"))], "/a/logout/", line("a/logout/")),
    ([re_path(r"^a/b\.html$", DJANGO)], "/a/b.html", line("a/b.html")),
    ([re_path(r"^a/(?P<b>\d+)$", DJANGO)], "/*", line("*")),
    ([path("<slug:a>/", DJANGO)], "/<slug:a>/", line("<slug:a>/")),
    (i18n_patterns(path("a/", DJANGO)), "/de/a/", line("a/", where=", in i18n_patterns()")),
    ([path("api/", include("rest_framework.urls"))], "/api/logout/", line("api/logout/")),
    ([path("cms/", WAGTAILS.as_view())], "/cms/", line("cms/", **TO_WAGTAIL)),
    ([path("a/", ALLAUTHS.as_view())], "/a/", APP_LINE),
    ([path("a/", ALLAUTHS_SINCE_65.as_view())], "/a/", APP_LINE),
    ([path("a/", include("mozilla_django_oidc.urls"))], "/a/logout/", line("a/logout/")),
]
FINE = [
    [],
    [path("a/", LogoutView.as_view()), path("a/", DjangosView.as_view())],
    [path("a/", OwnPost.as_view())],
    [path("a/", ALLAUTHS_PROVIDER.as_view())],
    [path("cms/", LogoutView.as_view(return_to="/")), path("cms/", WAGTAILS.as_view())],
]


def use(settings, *patterns):
    module = ModuleType("urls_with_buttons")
    module.urlpatterns = [OURS, *patterns, MOZILLAS, *urlpatterns]
    settings.ROOT_URLCONF = module
    return module


@pytest.mark.parametrize(("patterns", "path_", "hint"), FOUND, ids=lambda value: str(value)[:60])
def test_a_button_that_signs_out_of_this_site_only_is_found(settings, patterns, path_, hint):
    use(settings, *patterns)
    with override("de"):
        (message,) = buttons.check_logout_views()
    assert message.id == "oidc_logout.W056"
    assert message.msg.startswith(f"{path_} is served by ")
    assert message.hint.startswith(hint)


@pytest.mark.parametrize("patterns", FINE, ids=lambda value: str(value)[:60])
def test_what_signs_out_of_both_is_left_alone(settings, patterns):
    use(settings, *patterns)
    assert buttons.check_logout_views() == []


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        (AdminSite, "admin", None),
        (AdminSite, "b", None),
        (StaffSite, "admin", ADMIN_LINE),
        (StaffSite, "b", MIXIN_LINE),
        (OIDCAdminSite, "admin", None),
        (OwnAdminSite, "admin", None),
    ],
)
def test_the_admin(settings, kind, name, hint):
    use(settings, path("a/", kind(name=name).urls))
    found = buttons.check_logout_views()
    assert [message.msg for message in found] == (
        [f"/a/logout/ is served by the admin {name!r}, which does not sign out of the provider."]
        if hint
        else []
    )
    assert all(message.hint.startswith(hint) for message in found)


def test_the_admin_of_a_theme_that_uses_djangos_site(settings, monkeypatch):
    use(settings, path("a/", AdminSite().urls))
    is_installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: name == "jazzmin" or is_installed(name))
    (found,) = buttons.check_logout_views()
    assert found.hint.startswith(ADMIN_LINE)


def test_an_admin_beside_the_config_is_left_to_the_other_check(settings, monkeypatch):
    use(settings, path("a/", StaffSite().urls))
    monkeypatch.setattr(lookup, "has_admin_config", lambda: True)
    assert buttons.check_logout_views() == []


def test_allauths_button_with_our_app_is_left_alone(settings, monkeypatch):
    use(settings, path("a/", ALLAUTHS.as_view()))
    is_installed = apps.is_installed
    monkeypatch.setattr(
        apps, "is_installed", lambda name: name == ALLAUTH_BRIDGE or is_installed(name)
    )
    assert buttons.check_logout_views() == []


def test_mozillas_view_with_our_hook_is_left_alone(settings):
    use(settings, path("a/", include("mozilla_django_oidc.urls")))
    settings.OIDC_OP_LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"
    assert buttons.check_logout_views() == []


def test_what_another_check_reports_is_not_reported_twice(settings):
    module = use(settings)
    module.urlpatterns = [MOZILLAS, OURS]
    assert buttons.check_logout_views() == []
    module.urlpatterns = [MOZILLAS]
    use(settings).urlpatterns = [MOZILLAS]
    assert buttons.check_logout_views() == []


def test_a_broken_part_of_the_urlconf_hides_nothing_else(settings):
    included = path("b/", include("django.contrib.auth.urls"))
    included.__dict__["url_patterns"] = property(lambda self: 1 / 0)  # cannot be listed
    use(settings, path("a/", DjangosView.as_view())).urlpatterns += [included, "nonsense"]
    assert [message.msg[:14] for message in buttons.check_logout_views()] == ["/a/ is served "]


def test_the_path_is_shown_below_the_script_prefix(settings):
    use(settings, path("a/", DjangosView.as_view()))
    with override_script_prefix("/site/"):
        (message,) = buttons.check_logout_views()
    assert message.msg.startswith("/site/a/ is served by ")
    assert message.hint.startswith(line("a/"))


@pytest.mark.parametrize(
    ("target", "is_place"),
    [
        (None, True),
        ("/bye/", True),
        ("bye", True),
        ("https://www.example.com/", True),
        ("by", False),
        ("", False),
        ("bye/", False),
        ("www.example.com/bye", False),
        (5, False),
    ],
)
def test_a_place_to_land_that_does_not_exist_is_found(settings, target, is_place):
    use(settings, path("a/", LogoutView.as_view(return_to=target)))
    found = [(message.id, message.msg[:4]) for message in buttons.check_logout_views()]
    assert found == ([] if is_place else [("oidc_logout.W057", "/a/ ")])


class Pool(dict):
    """Stands in for the toolbars of django CMS, which finds them when it is asked."""

    def register(self, toolbar):
        self[toolbar.__name__] = toolbar
        return toolbar

    def unregister(self, toolbar):
        del self[toolbar.__name__]

    def get_toolbars(self):
        return self


class Menu(list):
    def add_ajax_item(self, name, action):
        self.append(("POST by a script", action))

    def add_link_item(self, name, url):
        self.append(("GET", url))


@pytest.fixture
def cms(monkeypatch):
    """Return the toolbars of a stand-in for django CMS."""

    class BasicToolbar:
        def add_logout_button(self, parent):
            parent.add_ajax_item("Logout", action="/admin/logout/")

        add_logout_button.__module__ = "cms.cms_toolbars"

    class PageToolbar:
        pass

    pool = Pool(BasicToolbar=BasicToolbar, PageToolbar=PageToolbar)
    modules = {"cms": {}, "cms.cms_toolbars": {"BasicToolbar": BasicToolbar}}
    for name, values in {**modules, "cms.toolbar_pool": {"toolbar_pool": pool}}.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    is_installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: name == "cms" or is_installed(name))
    return pool


def test_the_toolbar_of_django_cms(cms):
    """Its script would get where to go from our view, and not go there."""
    (found,) = buttons.check_cms_toolbar()
    assert found.id == "oidc_logout.W063"
    page = (Path(__file__).parents[1] / "docs/how-to/other-logout-buttons.md").read_text()
    section = page.partition("\n## django CMS\n")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    line = found.hint.partition("is ")[2].rstrip(".")
    assert f"        {line}\n" in code
    exec(code, {"__name__": "mysite.cms_toolbars"})
    assert buttons.check_cms_toolbar() == []
    menu = Menu()
    cms["Toolbar"]().add_logout_button(menu)
    assert menu == [("GET", "/oidc/logout/")]


def test_a_django_cms_that_cannot_be_asked_is_left_alone(cms, monkeypatch):
    monkeypatch.setattr(Pool, "get_toolbars", None)
    assert buttons.check_cms_toolbar() == []


# What our view does in another's place


@pytest.fixture
def leave(settings, idp, sign_in):
    """Return a function that presses a button, and returns where people land afterwards."""
    settings.OIDC_LOGOUT_REDIRECT_URL = "/by-default/"
    use(
        settings,
        path("a/", LogoutView.as_view(return_to="bye")),
        path("b/", LogoutView.as_view(return_to="https://evil.example.com/")),
        path("<slug:tenant>/c/", LogoutView.as_view(return_to="bye")),
    )

    def leave(url, fields=None, client=None):
        client = client or sign_in()
        response = client.post(url, fields or {})
        assert response["Location"].startswith(f"{idp.issuer}/end")
        assert not is_signed_in(client)
        back = client.get("/oidc/logout/callback/", {"state": query_of(response)["state"]})
        return back["Location"]

    return leave


@pytest.mark.parametrize(
    ("url", "fields", "lands_at"),
    [
        ("/a/", {}, "/bye/"),
        ("/a/", {"next": "/private/"}, "/private/"),
        ("/a/?next=/private/", {}, "/private/"),
        ("/a/", {"next": ""}, "/bye/"),
        ("/a/", {"next": HOSTILE[0]}, "/bye/"),
        ("/b/", {}, "/by-default/"),
        ("/t/c/", {}, "/bye/"),
        ("/oidc/logout/", {}, "/by-default/"),
    ],
)
def test_people_land_where_the_line_says(leave, url, fields, lands_at):
    assert leave(url, fields) == lands_at


def test_a_get_asks_and_keeps_the_place_to_land(leave, sign_in):
    page = sign_in().get("/a/")
    assert b'name="next" value="/bye/"' in page.content
    assert b'name="next" value="/private/"' in sign_in().get("/a/?next=/private/").content


def test_a_get_that_is_allowed_lands_there_too(settings, leave, sign_in):
    settings.OIDC_LOGOUT_GET = "allow"
    client = sign_in()
    back = client.get("/oidc/logout/callback/", {"state": query_of(client.get("/t/c/"))["state"]})
    assert back["Location"] == "/bye/"


def test_a_stale_form_keeps_the_place_to_land(leave, sign_in):
    client = sign_in(Client(enforce_csrf_checks=True))
    page = client.post("/a/", {"csrfmiddlewaretoken": "stale"})
    assert page.status_code == 403
    assert b'name="next" value="/bye/"' in page.content


@pytest.mark.django_db
def test_a_host_that_is_not_allowed_keeps_nobody_signed_in(rf: RequestFactory):
    client = force_sign_in()
    request = rf.post("/a/", {"next": "/private/"}, HTTP_HOST="evil.example.com")
    request.session = client.session
    request._dont_enforce_csrf_checks = True
    LogoutView.as_view(return_to="bye")(request)
    assert not is_signed_in(client)
