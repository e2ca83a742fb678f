"""Staff who may view sessions cannot find out more than the pages show."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import Permission, User

from tests.admin.conftest import LIST, pages, permitted, session, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    """Return a function that signs in staff with the given permissions on sessions."""

    def staff(*permissions):
        person = User.objects.create_user("grace", is_staff=True)
        names = [f"{name}_oidcsession" for name in permissions]
        person.user_permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(person)
        return client

    return staff


def links(page, html):
    """Return the admin pages to which a page links, without their queries."""
    found = re.findall(r'<a [^>]*href="([^"]*)', html)
    pages = {urljoin(page, unescape(each)).partition("?")[0] for each in found}
    return {page for page in pages if page.startswith("/admin/")}


@pytest.mark.parametrize("permissions", [["view"], ["view", "delete"]])
@pytest.mark.parametrize("sees_users", [True, False])
def test_every_link_is_allowed(staff, permissions, sees_users):
    row, desk = session(user("ada")), staff(*permissions)
    if sees_users:
        permitted(User.objects.get(username="grace"), "view_user")
    followed = set()
    for page in pages(row).values():
        for link in links(page, desk.get(page).content.decode()) - followed:
            assert desk.get(link).status_code == 200, link
            followed.add(link)
    assert (f"/admin/auth/user/{row.user.pk}/change/" in followed) is sees_users


def test_user_is_shown_if_there_is_no_link(staff):
    row = session(user("ada"))
    page = pages(row)["session"].replace("/admin/", "/back-office/")
    (_, options), *_ = staff("view").get(page).context["adminform"].fieldsets
    assert "user" in options["fields"]


LOOKUPS = ["session_key", "sid", "sid_digest", "id_token", "refresh_token"]


@pytest.mark.parametrize("lookup", ["", "__exact", "__startswith", "__regex", "__gt"])
@pytest.mark.parametrize("field", LOOKUPS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_secret_is_found_out_letter_by_letter(staff, method, field, lookup):
    session(user("ada"))
    desk = staff("view", "delete")
    answer = getattr(desk, method)(f"{LIST}?{field}{lookup}=s")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query", ["signed_in_at__year=2020", "user__id__exact=1", "sub=ada", "state=active"]
)
def test_shown_fields_can_be_filtered(staff, query):
    assert staff("view").get(f"{LIST}?{query}").status_code == 200


def test_secrets_cannot_be_guessed_through_the_user(staff):
    session(user("ada"))
    desk = staff("view")
    desk_user = User.objects.get(username="grace")
    desk_user.user_permissions.add(Permission.objects.get(codename="view_user"))
    users = LIST.replace("django_oidc_logout/oidcsession", "auth/user")
    assert desk.get(users).status_code == 200
    assert desk.get(f"{users}?oidc_sessions__session_key__startswith=s").status_code == 400


@pytest.mark.parametrize(("permissions", "shown"), [(["view"], False), (["view", "delete"], True)])
def test_sid_is_for_those_who_may_sign_people_out(staff, permissions, shown):
    """Anyone who knows a `sid` can end its session through the front-channel."""
    row = session(user("ada"))
    page = staff(*permissions).get(pages(row)["session"])
    assert page.status_code == 200
    assert ("sid-key" in page.content.decode()) is shown
    assert "sub-key" in page.content.decode()
