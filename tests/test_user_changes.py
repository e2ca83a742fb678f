"""Sessions follow their user: deactivated, deleted, or with a changed password."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.contrib.auth import (
    HASH_SESSION_KEY,
    get_user_model,
    logout,
    update_session_auth_hash,
)
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save, pre_delete
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from django_oidc_logout.backends import OIDCLogoutBackend
from django_oidc_logout.codes import EndedCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.receivers import sign_ins
from django_oidc_logout.sessions import end, engines, gone, index, user_changes
from django_oidc_logout.signals import session_ended
from tests.factories import copy_of, create_row, force_sign_in, get_async, is_signed_in
from tests.urls import urlpatterns as site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

PAGE = "/oidc/sessions/"
STATUS = "/oidc/logout/status/"
OURS = "django_oidc_logout.middleware.OIDCSessionMiddleware"
DEACTIVATED = "The account was deactivated."
DELETED = "The account was deleted."
PASSWORD = "The account's password was changed."


def change_password(request):
    form = SetPasswordForm(request.user, request.POST)
    assert form.is_valid()
    update_session_auth_hash(request, form.save())
    return HttpResponse("changed")


async def achange_password(request):
    user = await request.auser()
    user.set_password("another one")
    await user.asave()
    request.session["note"] = "saved"
    return HttpResponse("changed")


async def aleave(request):
    user = await request.auser()
    user.is_active = False
    await user.asave()
    await request.session.aset("note", "saved")
    return HttpResponse("bye")


def leave(request):
    """Deactivate or delete the account, and leave something in the session."""
    if "delete" in request.POST:
        request.user.delete()
    else:
        request.user.is_active = False
        request.user.save()
    request.session["note"] = "saved"
    return HttpResponse(f"bye, {request.user.email}")


def leave_and_stop(request):
    leave(request)
    raise SystemExit


async def aleave_and_stop(request):
    await aleave(request)
    raise asyncio.CancelledError


def leave_and_log_out(request):
    answer = leave(request)
    logout(request)
    request.session["note"] = "saved"
    return answer


urlpatterns = [
    path("password/", change_password),
    path("apassword/", achange_password),
    path("aleave/", aleave),
    path("leave/", leave),
    path("leave/stop/", leave_and_stop),
    path("aleave/stop/", aleave_and_stop),
    path("leave/logout/", leave_and_log_out),
    path("oidc/", include("django_oidc_logout.urls_account")),
    *site,
]


@pytest.fixture
def people(idp, sign_in):
    """Return clients: Ada's phone and desk, and Bob's only one."""
    clients = {"phone": sign_in(sid="phone"), "desk": sign_in(sid="desk")}
    idp.userinfo = {"email": "bob@example.com"}
    return clients | {"bob": sign_in(sub="bob", sid="bob")}


@pytest.fixture
def ada(people):
    return OIDCSession.objects.get(sid="desk").user


def rows():
    return set(OIDCSession.objects.values_list("sid", flat=True))


def still_in(people):
    return {name for name, client in people.items() if is_signed_in(client)}


def ended(signals):
    return sorted(signals["ended"])


def both(reason):
    return [("desk", reason), ("phone", reason)]


# Deactivated


@pytest.mark.requirement("ASVS 7.4.2")
@pytest.mark.parametrize("fields", [None, ["is_active"], ["is_active", "last_login"]], ids=str)
def test_deactivated_user_is_signed_out(engine, people, ada, signals, fields):
    ada.is_active = False
    ada.save(update_fields=fields)
    assert rows() == {"bob"}
    assert ended(signals) == both(DEACTIVATED)
    if engine == "db":
        assert Session.objects.count() == 1
    get_user_model().objects.update(is_active=True)
    assert still_in(people) == {"bob"}


def test_sessions_end_after_the_commit(people, ada, signals):
    with transaction.atomic():
        ada.is_active = False
        ada.save()
        assert rows() == {"phone", "desk", "bob"}
    assert rows() == {"bob"}


@pytest.mark.parametrize("change", ["deactivate", "delete", "password"])
def test_change_that_is_rolled_back_ends_nothing(people, ada, signals, change):
    with transaction.atomic():
        apply(change, ada)
        transaction.set_rollback(True)
    assert still_in(people) == {"phone", "desk", "bob"}
    assert not signals["ended"]


def apply(change, user):
    if change == "delete":
        user.delete()
    elif change == "password":
        user.set_password("another one")
        user.save()
    else:
        user.is_active = False
        user.save()


def queries(ada, **kwargs):
    with CaptureQueriesContext(connection) as captured:
        ada.save(**kwargs)
    return [query["sql"] for query in captured if "UPDATE" not in query["sql"]]


def test_what_a_save_costs(people, ada):
    assert queries(ada) == []
    assert queries(ada, update_fields=["last_login"]) == []
    assert queries(get_user_model().objects.defer("is_active", "password").get(pk=ada.pk)) == []
    ada.is_active = False
    assert queries(ada, update_fields=["last_login"]) == []
    assert still_in(people) == {"phone", "desk", "bob"}
    ada.save()
    assert len([sql for sql in queries(ada) if "SELECT" in sql]) == 1


def test_new_user_costs_no_query(db):
    with CaptureQueriesContext(connection) as captured:
        get_user_model().objects.create_user("cid", password="secret")
        get_user_model().objects.create(username="dan", is_active=False)
    assert [query["sql"].split()[0] for query in captured] == ["INSERT", "INSERT"]


@pytest.mark.parametrize("change", ["deactivate", "delete", "password"])
def test_off(settings, people, ada, change):
    settings.OIDC_LOGOUT_FOLLOW_USER = False
    keys = set(Session.objects.values_list("pk", flat=True))
    apply(change, ada)
    assert keys == set(Session.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("change", ["deactivate", "delete", "password"])
def test_failure_does_not_break_the_change(people, ada, monkeypatch, caplog, change):
    def down(*keys):
        raise OSError("store is down")

    monkeypatch.setattr(engines, "delete", down)
    monkeypatch.setattr(engines, "read", down)
    apply(change, ada)
    assert "Could not end the sessions of a changed account" in caplog.text
    assert get_user_model().objects.filter(email=ada.email, is_active=True).exists() is (
        change == "password"
    )


def test_index_that_fails_does_not_break_the_change(people, ada, monkeypatch, caplog):
    def down(**kwargs):
        raise DatabaseError("down")

    monkeypatch.setattr(index, "matching", down)
    apply("password", ada)
    apply("deactivate", ada)
    apply("delete", ada)
    assert caplog.text.count("Could not end the sessions of a changed account") == 3
    assert not get_user_model().objects.filter(email="ada@example.com").exists()


def test_many_sessions_end(people, ada, monkeypatch, signals):
    monkeypatch.setattr(index, "BATCH", 2)
    for number in range(5):
        create_row(user=ada, sid=str(number))
    apply("deactivate", ada)
    assert rows() == {"bob"}
    assert len(signals["ended"]) == 7


@pytest.fixture
def proxy(db):
    """Return a proxy of the user model, as sites have for their admin."""
    meta = type("Meta", (), {"proxy": True, "app_label": "django_oidc_logout"})
    model = type("Member", (get_user_model(),), {"__module__": __name__, "Meta": meta})
    sign_ins.connect_to_users()
    yield model
    post_save.disconnect(sender=model, dispatch_uid="oidc_logout.saved_user")
    pre_delete.disconnect(sender=model, dispatch_uid="oidc_logout.deleted_user")
    del apps.all_models["django_oidc_logout"]["member"]
    apps.clear_cache()


@pytest.mark.parametrize("change", ["deactivate", "delete", "password"])
def test_proxy_of_the_user_model(people, ada, signals, proxy, change):
    apply(change, proxy.objects.get(pk=ada.pk))
    assert rows() == {"bob"}
    assert len(signals["ended"]) == 2


def test_subclass_of_the_user_model(monkeypatch):
    """Django deletes the user of a subclass with it, and sends that signal for the user as well."""
    meta = type("Meta", (), {"app_label": "django_oidc_logout"})
    body = {"__module__": __name__, "Meta": meta}
    try:
        model = type("Teacher", (get_user_model(),), body)
        sign_ins.connect_to_users()
        assert post_save.disconnect(sender=model, dispatch_uid="oidc_logout.saved_user")
        assert not pre_delete.disconnect(sender=model, dispatch_uid="oidc_logout.deleted_user")
    finally:
        del apps.all_models["django_oidc_logout"]["teacher"]
        apps.clear_cache()


def test_person_leaves_in_an_async_page(people, signals):
    assert get_async(people["desk"], "/aleave/").content == b"bye"
    assert ended(signals) == both(DEACTIVATED)
    assert still_in(people) == {"bob"}


def test_own_session_ends_in_the_browser_if_the_store_fails(people, monkeypatch, caplog):
    def down(*keys):
        raise OSError("store is down")

    monkeypatch.setattr(engines, "delete", down)
    answer = people["desk"].post("/leave/")
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert rows() == {"phone", "desk", "bob"}


# Deactivated without a signal


def test_update_sends_no_signal_but_nobody_is_served(engine, people, ada):
    get_user_model().objects.filter(pk=ada.pk).update(is_active=False)
    assert still_in(people) == {"bob"}
    for client in people["phone"], people["desk"]:
        assert client.get(STATUS).json() == {"signed_in": False}
        assert client.get(PAGE).status_code == 302
    assert people["bob"].get(STATUS).json() == {"signed_in": True}


def test_command_ends_sessions_of_inactive_users(engine, people, ada, signals, capsys):
    get_user_model().objects.filter(pk=ada.pk).update(is_active=False)
    call_command("oidc_logout_clear_sessions")
    assert "Rows removed: 2" in capsys.readouterr().out
    assert rows() == {"bob"}
    assert ended(signals) == both(DEACTIVATED)


def test_command_leaves_inactive_users_if_the_site_says_so(settings, people, ada, capsys):
    settings.OIDC_LOGOUT_FOLLOW_USER = False
    get_user_model().objects.filter(pk=ada.pk).update(is_active=False)
    call_command("oidc_logout_clear_sessions")
    assert rows() == {"phone", "desk", "bob"}


# get_user


def test_backend_serves_no_inactive_user(ada):
    backend = OIDCLogoutBackend()
    get = [backend.get_user, async_to_sync(backend.aget_user)]
    assert [serve(ada.pk) for serve in get] == [ada, ada]
    get_user_model().objects.filter(pk=ada.pk).update(is_active=False)
    assert [serve(ada.pk) for serve in get] == [None, None]
    assert [serve(0) for serve in get] == [None, None]


def test_backend_serves_a_user_without_is_active(ada, monkeypatch):
    monkeypatch.setattr(OIDCLogoutBackend, "UserModel", type("M", (), {}), raising=False)
    nobody = type("User", (), {})()
    backend = OIDCLogoutBackend()
    backend.UserModel = type("M", (), {"objects": type("O", (), {"get": lambda pk: nobody})})
    assert backend.get_user(1) is nobody


def test_async_page_serves_no_inactive_user(people, ada):
    get_user_model().objects.filter(pk=ada.pk).update(is_active=False)
    assert b"AnonymousUser" in get_async(people["desk"], "/private/").content
    assert get_async(people["desk"], STATUS).json() == {"signed_in": False}


# Deleted


@pytest.mark.requirement("ASVS 7.4.2")
@pytest.mark.parametrize("how", ["user", "queryset"])
def test_deleted_user_is_signed_out(engine, people, ada, signals, how):
    if how == "user":
        ada.delete()
    else:
        get_user_model().objects.filter(pk=ada.pk).delete()
    assert rows() == {"bob"}
    assert ended(signals) == both(DELETED)
    assert still_in(people) == {"bob"}
    assert people["desk"].get(STATUS).json() == {"signed_in": False}
    if engine == "db":
        assert Session.objects.count() == 1


def test_deleted_user_is_told_after_the_commit(people, ada, signals):
    with transaction.atomic():
        ada.delete()
        assert not signals["ended"]
        assert Session.objects.count() == 3
    assert Session.objects.count() == 1


def test_ended_rows_have_lost_their_primary_key(people, ada):
    seen = []

    def note(session, **kwargs):
        seen.append(session.pk)

    session_ended.connect(note)
    ada.delete()
    session_ended.disconnect(note)
    assert seen == [None, None]


def test_user_without_sessions_is_deleted(db, signals):
    get_user_model().objects.create(username="cid").delete()
    assert not signals["ended"]


# In the person's own request


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("url", ["/leave/", "/leave/logout/"])
@pytest.mark.parametrize("data", [{"delete": "1"}, {}], ids=["delete", "deactivate"])
def test_person_leaves(people, signals, url, data):
    answer = people["desk"].post(url, data)
    assert answer.content.startswith(b"bye, ada@example.com")
    assert rows() == {"bob"}
    assert still_in(people) == {"bob"}
    if url == "/leave/":
        assert ended(signals) == both(DELETED if data else DEACTIVATED)
        assert answer.cookies["sessionid"]["max-age"] == 0


# Password changed


NEW = {"new_password1": "8ngQ!xyzzy", "new_password2": "8ngQ!xyzzy"}


@pytest.mark.requirement("ASVS 7.4.3")
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("atomic", [False, True])
def test_changed_password_ends_the_other_sessions(people, monkeypatch, signals, atomic):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    assert people["desk"].post("/password/", NEW).content == b"changed"
    assert rows() == {"desk", "bob"}
    assert ended(signals) == [("phone", PASSWORD)]
    assert still_in(people) == {"desk", "bob"}
    page = people["desk"].get(PAGE).content.decode()
    assert page.count('name="session"') == 1
    assert "this session" in page


def test_changed_password_and_no_new_hash(people, ada, signals):
    assert get_async(people["desk"], "/apassword/").content == b"changed"
    assert ended(signals) == [("phone", PASSWORD)]
    assert still_in(people) == {"bob"}


def test_staff_change_somebodys_password(engine, people, ada, signals):
    ada.set_password("another one")
    ada.save()
    assert rows() == {"bob"}
    assert ended(signals) == both(PASSWORD)
    assert still_in(people) == {"bob"}


def test_renewed_hash_of_the_password(people, ada, signals):
    ada.password = "!"
    ada.save(update_fields=["password"])
    assert rows() == {"bob"}


def test_same_hash(people, ada, signals):
    ada.save(update_fields=["password"])
    assert still_in(people) == {"phone", "desk", "bob"}
    assert not signals["ended"]


def test_user_model_whose_sessions_do_not_depend_on_the_password(people, ada, monkeypatch, signals):
    monkeypatch.delattr(AbstractBaseUser, "get_session_auth_hash")
    apply("password", ada)
    assert still_in(people) == {"phone", "desk", "bob"}
    assert people["desk"].get(STATUS).json() == {"signed_in": True}
    assert not signals["ended"]


# Password changed without a signal


def update_password(user):
    get_user_model().objects.filter(pk=user.pk).update(password="!")


SERVER_ENGINES = ["db", "cache", "cached_db", "file"]


@pytest.fixture(params=SERVER_ENGINES)
def server_engine(request, settings, tmp_path):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    return request.param


def test_status_of_a_session_with_another_hash(engine, people, ada):
    kept = copy_of(people["phone"])
    update_password(ada)
    assert people["phone"].get(STATUS).json() == {"signed_in": False}
    assert kept.get(STATUS).json() == {"signed_in": False}
    assert people["bob"].get(STATUS).json() == {"signed_in": True}


def test_command_ends_sessions_with_another_hash(server_engine, people, ada, signals):
    update_password(ada)
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert rows() == {"bob"}
    assert ended(signals) == both(PASSWORD)
    assert still_in(people) == {"bob"}


def test_command_while_a_request_changes_the_password(server_engine, people, ada, monkeypatch):
    """The user is saved before the request's own session."""
    update_password(ada)

    def finish():
        ada.refresh_from_db()
        session = people["desk"].session
        session[HASH_SESSION_KEY] = ada.get_session_auth_hash()
        session.save()

    monkeypatch.setattr(gone, "pause", finish)
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert rows() == {"desk", "bob"}
    assert still_in(people) == {"desk", "bob"}


@pytest.mark.usefixtures("server_engine", "people")
def test_account_page_ends_sessions_with_another_hash(idp, ada, sign_in, signals):
    update_password(ada)
    idp.userinfo = {"email": ada.email}
    fresh = sign_in(sid="fresh")
    page = fresh.get(PAGE).content.decode()
    assert page.count('name="session"') == 1
    assert rows() == {"fresh", "bob"}
    assert ended(signals) == both(PASSWORD)


def test_account_page_lists_no_session_that_is_gone(server_engine, people):
    people["phone"].session.delete(people["phone"].session.session_key)
    page = people["desk"].get(PAGE).content.decode()
    assert page.count('name="session"') == 1
    assert rows() == {"desk", "phone", "bob"}  # it may be missing just while its key changes
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert rows() == {"desk", "bob"}


def test_fallback_of_the_secret_key(server_engine, settings, people, signals):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key"
    keys = {name: client.session.session_key for name, client in people.items()}
    for client in people.values():
        assert client.get(STATUS).json() == {"signed_in": True}
    assert keys == {name: client.session.session_key for name, client in people.items()}
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert people["desk"].get(PAGE).content.count(b'name="session"') == 2
    assert not signals["ended"]


def test_account_page_while_sessions_cannot_be_read(people, monkeypatch, caplog):
    def down(*keys):
        raise OSError("store is down")

    monkeypatch.setattr(engines, "read", down)
    page = people["desk"].get(PAGE).content.decode()
    assert page.count('name="session"') == 2
    assert "Could not check sessions against their users" in caplog.text


def test_account_page_while_sessions_cannot_be_ended(idp, people, ada, sign_in, monkeypatch):
    update_password(ada)
    idp.userinfo = {"email": ada.email}
    fresh = sign_in(sid="fresh")

    def down(*keys):
        raise OSError("store is down")

    monkeypatch.setattr(engines, "delete", down)
    page = fresh.get(PAGE).content.decode()
    assert page.count('name="session"') == 1
    assert rows() == {"phone", "desk", "fresh", "bob"}


# What others have changed


def delete_in_sql(user):
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM auth_user WHERE id = %s", [user.pk])


def test_user_who_was_deleted_in_sql(people, ada, signals):
    delete_in_sql(ada)
    assert still_in(people) == {"bob"}
    assert people["desk"].get(STATUS).json() == {"signed_in": False}
    assert people["desk"].get(PAGE).status_code == 302
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert rows() == {"bob"}
    assert ended(signals) == both(DELETED)


@pytest.mark.parametrize(
    ("path", "error"),
    [("/leave/stop/", SystemExit), ("/aleave/stop/", asyncio.CancelledError)],
)
def test_own_session_ends_if_the_request_is_stopped(engine, people, path, error):
    get = people["desk"].get if error is SystemExit else partial(get_async, people["desk"])
    with pytest.raises(error):
        get(path)
    assert rows() == {"bob"}
    get_user_model().objects.update(is_active=True)
    assert still_in(people) == {"bob"}


def test_rows_without_a_user_stay(people, signals):
    OIDCSession.objects.update(user=None)
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert still_in(people) == {"phone", "desk", "bob"}
    assert not signals["ended"]


def test_session_of_somebody_who_acts_as_another(people, ada, signals):
    OIDCSession.objects.filter(sid="bob").update(user=ada)
    update_password(ada)
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert rows() == {"bob"}
    assert still_in(people) == {"bob"}


@pytest.fixture
def users_of_ended():
    seen = []

    def note(session, **arguments):
        seen.append(session.user)

    session_ended.connect(note)
    yield seen
    session_ended.disconnect(note)


def test_password_of_somebody_as_whom_another_acts(people, ada, users_of_ended):
    bob = OIDCSession.objects.get(sid="bob").user
    OIDCSession.objects.filter(sid="bob").update(user=ada, acts_as=bob)
    bob.set_password("another one")
    bob.save()
    assert users_of_ended == [ada]
    assert still_in(people) == {"phone", "desk"}


def test_session_that_is_being_created(people, ada, signals):
    session = people["phone"].session
    session.clear()
    session.save()
    update_password(ada)
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert ended(signals) == [("desk", PASSWORD)]
    assert rows() == {"phone", "bob"}


def test_command_says_that_a_session_did_not_end(people, ada, monkeypatch):
    def down(*keys):
        raise OSError("store is down")

    update_password(ada)
    monkeypatch.setattr(engines, "delete", down)
    with pytest.raises(CommandError, match=r"2 sessions could not be ended.*Run this command"):
        call_command("oidc_logout_clear_sessions", verbosity=0)
    assert rows() == {"phone", "desk", "bob"}


def test_command_reads_in_batches(people, monkeypatch, signals):
    monkeypatch.setattr(index, "BATCH", 2)
    get_user_model().objects.update(is_active=False)
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert not rows()


# Other databases


@pytest.mark.parametrize("change", ["save", "delete"])
def test_database_of_the_user_decides(people, ada, monkeypatch, change):
    seen = []
    monkeypatch.setattr(transaction, "on_commit", lambda *args, using: seen.append(using))
    if change == "save":
        ada.is_active = False
        sign_ins.follow_saved_user(ada, created=False, update_fields=None, using="other")
    else:
        sign_ins.follow_deleted_user(ada, using="other")
    assert seen == ["other"]


def test_index_in_another_database(people, ada, signals):
    end.end_removed(list(index.matching(user=ada)), code=EndedCode.USER_DELETED)
    assert rows() == {"bob"}
    assert ended(signals) == both(DELETED)


def test_replica(settings, people, ada):
    settings.DATABASE_ROUTERS = ["tests.routers.ReplicaRouter"]
    apply("deactivate", ada)
    settings.DATABASE_ROUTERS = []
    assert rows() == {"bob"}


# Other user models


def test_attribute_that_is_a_property(ada):
    assert user_changes._writes("is_member", ada, ["email"])
    assert not user_changes._writes("is_active", ada, ["email"])


# Status


def test_status_of_a_backend_that_is_not_configured(settings, people):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert people["desk"].get(STATUS).json() == {"signed_in": False}


def test_status_of_a_user_id_that_is_malformed(client, people):
    session = people["desk"].session
    session["_auth_user_id"] = "x"
    session.save()
    assert people["desk"].get(STATUS).json() == {"signed_in": False}


def test_nobody_is_not_a_user(people):
    assert AnonymousUser().is_active is False  # so that it never counts as deactivated
    assert force_sign_in().get(STATUS).json() == {"signed_in": True}
