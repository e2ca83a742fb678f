"""Sockets and streams end with their session, in whatever way it ends."""

from __future__ import annotations

import asyncio
import importlib
import time
from functools import partial

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import channel_layers, get_channel_layer
from channels.testing import HttpCommunicator, WebsocketCommunicator
from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone

from django_oidc_logout.api import end_sessions, session_handle
from django_oidc_logout.checks import sockets
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, handles, index
from django_oidc_logout.signals import session_ended, signed_out
from tests.factories import PASSWORD_BACKEND, post_logout_token

pytestmark = pytest.mark.django_db

APP = "django_oidc_logout.contrib.channels"
IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
PATIENCE = 60  # seconds, of which a test that passes needs none
CLOSED = {"type": "websocket.close", "code": 4401}


@pytest.fixture(scope="module", autouse=True)
def app():
    """Install the app for this module."""
    config = AppConfig.create(APP)
    config.apps, config.models = apps, {}
    apps.app_configs[config.label] = config
    config.ready()
    disconnect()
    importlib.reload(importlib.import_module(f"{APP}.receivers"))  # other modules may import it too
    yield config
    del apps.app_configs[config.label]
    assert disconnect() == [True, True, True]


def disconnect():
    of_logout = user_logged_out.disconnect(dispatch_uid="oidc_logout.tell_sockets_of_logout")
    signals = (signed_out, session_ended)
    return [
        of_logout,
        *(each.disconnect(dispatch_uid="oidc_logout.tell_sockets") for each in signals),
    ]


@pytest.fixture(autouse=True)
def _layer(settings, app):
    settings.CHANNEL_LAYERS = IN_MEMORY
    room("layers").paused_until.clear()


def room(name):
    """Return a module of the app, which can be imported only while the app is installed."""
    return importlib.import_module(f"{APP}.{name}")


@pytest.fixture
def consumer():
    class Asynchronous(room("consumers").OIDCConsumerMixin, AsyncWebsocketConsumer):
        async def receive(self, text_data=None, bytes_data=None):
            await self.send(text_data=f"{self.scope['user']}: {text_data}")

    return Asynchronous


@pytest.fixture
def quick(consumer):
    return type("Quick", (consumer,), {"session_check_seconds": 0.01})


def socket(client, consumer):
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    headers = [(b"cookie", cookies.encode())] if cookies else []
    return WebsocketCommunicator(AuthMiddlewareStack(consumer.as_asgi()), "/notes/", headers)


async def opened(client, consumer):
    """Return an open socket that talks to its consumer."""
    connection = socket(client, consumer)
    is_open, _ = await connection.connect(timeout=PATIENCE)
    assert is_open
    await connection.send_to(text_data="hello")
    assert (await connection.receive_from(PATIENCE)).endswith(": hello")
    return connection


async def assert_closed(connection):
    assert await connection.receive_output(PATIENCE) == CLOSED
    await connection.send_input({"type": "websocket.disconnect", "code": 4401})
    await connection.wait(PATIENCE)


async def assert_open(connection):
    await connection.send_to(text_data="still")
    assert (await connection.receive_from(PATIENCE)).endswith(": still")
    await connection.disconnect(timeout=PATIENCE)


def run(scenario):
    return async_to_sync(scenario)()


def closes(client, consumer, end, *args):
    """Assert that a client's socket is closed when its session ends."""

    async def scenario():
        connection = await opened(client, consumer)
        await sync_to_async(end)(client, *args)
        await assert_closed(connection)

    run(scenario)


def in_browser(client, *_):
    client.post("/oidc/logout/")


def by_site(client, *_):
    assert end_sessions(user=get_user_model().objects.get()) == 1


def by_deactivation(client, *_):
    user = get_user_model().objects.get()
    user.is_active = False
    user.save()


def by_deletion(client, *_):
    get_user_model().objects.get().delete()


def by_back_channel(client, _, logout_token, __):
    assert post_logout_token(logout_token(sid="one")).status_code == 200


def by_front_channel(client, *_):
    row = OIDCSession.objects.get()
    Client().get("/oidc/logout/frontchannel/", {"iss": row.issuer, "sid": row.sid})


def by_djangos_logout(client, *_):
    request = RequestFactory().get("/")
    request.session, request.user = client.session, AnonymousUser()
    logout(request)


def by_expiry(client, *_):
    client.session.delete()
    call_command("oidc_logout_clear_sessions", verbosity=0)


def by_another_sign_in(client, sign_in, _, idp):
    idp.userinfo = {"email": "grace@example.com"}
    sign_in(client, sub="grace")


WAYS = [
    in_browser,
    by_site,
    by_deactivation,
    by_deletion,
    by_back_channel,
    by_front_channel,
    by_djangos_logout,
    by_expiry,
    by_another_sign_in,
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", WAYS, ids=lambda way: way.__name__)
def test_a_socket_closes_when_its_session_ends(sign_in, logout_token, idp, consumer, end):
    closes(sign_in(sid="one"), consumer, end, sign_in, logout_token, idp)


def test_a_socket_of_a_synchronous_consumer_closes_too(sign_in):
    class Synchronous(room("consumers").OIDCConsumerMixin, WebsocketConsumer):
        def receive(self, text_data=None, bytes_data=None):
            self.send(text_data=f"{self.scope['user']}: {text_data}")

    closes(sign_in(), Synchronous, in_browser)


def test_a_socket_closes_with_each_engine(engine, sign_in, consumer):
    closes(sign_in(), consumer, by_site)


@pytest.mark.parametrize("end", [in_browser, by_djangos_logout])
def test_a_socket_of_a_password_session_closes(client, django_user_model, consumer, end):
    client.force_login(django_user_model.objects.create(username="ada"), PASSWORD_BACKEND)
    closes(client, consumer, end)


def test_a_logout_without_a_session_tells_nobody():
    user_logged_out.send(sender=None, request=None, user=None)


def test_other_sockets_stay(sign_in, client, consumer):
    ada, other = sign_in(), sign_in()

    async def scenario():
        connections = [await opened(each, consumer) for each in (other, client)]
        await sync_to_async(in_browser)(ada)
        for each in connections:
            await assert_open(each)

    run(scenario)


def change_key(client):
    request = RequestFactory().get("/")
    request.session = client.session
    bound_store.bind(request)
    handle = session_handle(request.session)
    request.session.cycle_key()
    request.session.save()
    assert session_handle(request.session) == handle
    assert OIDCSession.objects.get().session_key == request.session.session_key


def test_a_socket_follows_its_session_to_another_key(sign_in, quick):
    client = sign_in()

    async def scenario():
        connection = await opened(client, quick)
        await sync_to_async(change_key)(client)
        await assert_open(connection)

    run(scenario)


def test_a_socket_closes_after_its_session_got_another_key(sign_in, consumer):
    def end(client):
        change_key(client)
        by_site(client)

    closes(sign_in(), consumer, end)


def refused(connection):
    async def scenario():
        assert await connection.connect(timeout=PATIENCE) == (False, 4401)
        await connection.wait(PATIENCE)

    run(scenario)


@pytest.mark.parametrize("end", [by_site, by_djangos_logout])
def test_a_session_that_has_ended_is_refused(engine, sign_in, consumer, end):
    client = sign_in()
    end(client)
    refused(socket(client, consumer))


def become_overdue(client):
    session = client.session
    session["_oidc_logout_ends_at"] = time.time()
    session.save()
    OIDCSession.objects.update(ends_at=timezone.now())


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_session_that_is_overdue_is_refused(sign_in, consumer, is_recorded):
    client = sign_in()
    become_overdue(client)
    if not is_recorded:
        OIDCSession.objects.all().delete()
    refused(socket(client, consumer))


@pytest.mark.parametrize("layers", [IN_MEMORY, {}])
def test_a_session_is_watched_until_its_end(settings, sign_in, layers):
    settings.CHANNEL_LAYERS = layers
    session = sign_in().session

    async def scenario():
        async with room("watch").Watch(session) as watch:
            assert not await watch.has_ended()
            session["_oidc_logout_ends_at"] = time.time() + 0.01
            await asyncio.wait_for(watch.wait(), PATIENCE)

    run(scenario)


def test_a_socket_closes_if_the_end_of_its_session_became_earlier(sign_in, quick):
    closes(sign_in(), quick, become_overdue)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_session_that_ends_while_its_socket_opens_is_refused(
    sign_in, monkeypatch, consumer, is_recorded
):
    client = sign_in()
    if not is_recorded:
        client.force_login(get_user_model().objects.create(username="ada"), PASSWORD_BACKEND)
        OIDCSession.objects.all().delete()
    has_ended = room("watch").Watch.has_ended

    async def ended_before(self):
        await sync_to_async(client.session.delete)()
        await sync_to_async(OIDCSession.objects.all().delete)()
        return await has_ended(self)

    monkeypatch.setattr(room("watch").Watch, "has_ended", ended_before)
    refused(socket(client, consumer))


@pytest.mark.parametrize("has_session", [True, False])
def test_somebody_who_is_not_signed_in_is_left_alone(client, consumer, has_session):
    if has_session:
        session = client.session
        session["cart"] = 1
        session.save()

    async def scenario():
        await assert_open(await opened(client, consumer))

    run(scenario)


# Consumers that are busy, or close themselves


def test_a_busy_consumer_is_cut_off(sign_in, consumer):
    client, seen = sign_in(), []

    class Busy(consumer):
        async def receive(self, text_data=None, bytes_data=None):
            seen.append(text_data)
            await self.send(text_data=": hello")
            if text_data == "work":
                await Busy.may_go_on.wait()
                await self.send(text_data="a secret")

        async def disconnect(self, code):
            seen.append(code)

    async def scenario():
        Busy.may_go_on = asyncio.Event()
        connection = await opened(client, Busy)
        await connection.send_to(text_data="work")
        await connection.receive_from(PATIENCE)
        await sync_to_async(in_browser)(client)
        assert await connection.receive_output(PATIENCE) == CLOSED
        await connection.send_to(text_data="too late")
        await connection.send_input({"type": "websocket.disconnect", "code": 4401})
        Busy.may_go_on.set()
        await connection.wait(PATIENCE)
        assert connection.output_queue.empty()

    run(scenario)
    assert seen == ["hello", "work", 4401]


def test_a_socket_that_is_closed_already_is_not_closed_again(sign_in, consumer):
    client = sign_in()

    class Closes(consumer):
        async def receive(self, text_data=None, bytes_data=None):
            await self.close(4000)

    async def scenario():
        connection = socket(client, Closes)
        await connection.connect(timeout=PATIENCE)
        await connection.send_to(text_data="bye")
        assert (await connection.receive_output(PATIENCE))["code"] == 4000
        await sync_to_async(in_browser)(client)
        await connection.send_input({"type": "websocket.disconnect", "code": 4000})
        await connection.wait(PATIENCE)
        assert connection.output_queue.empty()

    run(scenario)


# A layer or a database that fails


class Broken:
    """A channel layer of which parts are down."""

    def __init__(self, *down, once=()):
        self.layer, self.down, self.down_once, self.calls = get_channel_layer(), down, once, []

    def __getattr__(self, name):
        return partial(self._call, name)

    async def _call(self, name, *args):
        self.calls.append(name)
        if name in self.down or (name in self.down_once and self.calls.count(name) == 1):
            raise ConnectionError(name)
        return await getattr(self.layer, name)(*args)


@pytest.fixture
def broken():
    def broken(*down, once=()):
        channel_layers.backends["default"] = Broken(*down, once=once)
        return channel_layers.backends["default"]

    return broken


# A consumer uses the layer too, but the mixin is the first.
@pytest.mark.parametrize("down", ["new_channel", "group_add", "receive", "group_discard"])
def test_a_layer_that_is_down_breaks_no_sign_out(sign_in, quick, broken, down, outcomes):
    layer = broken("group_send", once=(down,))
    closes(sign_in(), quick, in_browser)
    assert [outcome.provider for outcome in outcomes] == ["redirect"]
    assert layer.calls.count("group_send") == 1


def test_a_layer_that_is_down_is_left_alone_for_a_while(sign_in, broken, monkeypatch, caplog):
    layer = broken("group_send")
    for _ in range(3):
        in_browser(sign_in())
    assert layer.calls == ["group_send"]
    assert caplog.text.count("Could not tell sockets that their session has ended") == 1
    monkeypatch.setattr(room("layers"), "PAUSE", 0)
    room("layers").paused_until.clear()
    for _ in range(2):
        in_browser(sign_in())
    assert layer.calls == ["group_send"] * 3


def test_a_layer_that_never_answers_holds_nobody_up(sign_in, broken, monkeypatch, outcomes):
    async def never(*args):
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(room("layers"), "TIMEOUT", 0.01)
    broken().group_send = never
    in_browser(sign_in())
    assert len(outcomes) == 1
    assert room("layers").paused_until


def test_without_a_layer_the_row_decides(settings, sign_in, quick):
    settings.CHANNEL_LAYERS = {}
    closes(sign_in(), quick, in_browser)


def test_a_database_that_is_down_cuts_nobody_off(sign_in, quick, broken, monkeypatch, caplog):
    asked, has_handle = [], index.has_handle

    def down(handle):
        asked.append(handle)
        if 1 < len(asked) < 4:
            raise OperationalError("down")
        return has_handle(handle)

    monkeypatch.setattr(index, "has_handle", down)
    broken("group_send")
    closes(sign_in(), quick, in_browser)
    assert len(asked) >= 4
    assert "Could not watch the session of a connection" in caplog.text


def test_a_session_without_a_row_is_not_looked_up(client, django_user_model):
    client.force_login(django_user_model.objects.create(username="ada"), PASSWORD_BACKEND)
    assert room("watch")._is_row_gone(client.session, session_handle(client.session)) is False


# What surrounds a consumer


def test_without_a_session_a_consumer_says_what_it_needs(consumer):
    with pytest.raises(ImproperlyConfigured, match="AuthMiddlewareStack"):
        async_to_sync(consumer.as_asgi())({"type": "websocket"}, None, None)


def test_other_protocols_pass():
    class Page(room("consumers").OIDCConsumerMixin, AsyncHttpConsumer):
        async def handle(self, body):
            await self.send_response(200, b"page")

    async def scenario():
        return await HttpCommunicator(Page.as_asgi(), "GET", "/").get_response(PATIENCE)

    assert run(scenario)["body"] == b"page"


def test_the_app_must_be_installed(app, monkeypatch):
    consumers = room("consumers")
    monkeypatch.delitem(apps.app_configs, app.label)
    with pytest.raises(ImproperlyConfigured, match="add it to INSTALLED_APPS"):
        importlib.reload(consumers)


def test_the_app_needs_ours(app, monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    with pytest.raises(ImproperlyConfigured, match="needs django_oidc_logout"):
        app.ready()


# Streams


def stream_of(session, events):
    request = RequestFactory().get("/")
    request.session = session
    return room("streams").until_session_ends(request, events)


async def ticks(*finite):
    for number in finite:
        yield number
    if not finite:
        yield 0
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("end", [in_browser, by_site])
def test_a_stream_ends_with_its_session(sign_in, end):
    client = sign_in()
    session = client.session

    async def scenario():
        events = stream_of(session, ticks())
        assert await anext(events) == 0
        following = asyncio.ensure_future(anext(events, "end"))
        await sync_to_async(end)(client)
        assert await asyncio.wait_for(following, PATIENCE) == "end"

    run(scenario)


def test_a_stream_of_a_session_that_has_ended_is_empty(sign_in):
    client = sign_in()
    session = client.session
    session.get("anything")
    by_site(client)

    async def scenario():
        return [event async for event in stream_of(session, ticks())]

    assert run(scenario) == []


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_a_stream_that_ends_by_itself(sign_in, client, is_signed_in):
    session = (sign_in() if is_signed_in else client).session

    async def scenario():
        return [event async for event in stream_of(session, ticks(1, 2))]

    assert run(scenario) == [1, 2]


# Handles


@pytest.mark.parametrize("end", [in_browser, by_site, by_djangos_logout])
def test_both_signals_carry_the_handle_that_the_session_had(sign_in, end):
    seen, client = [], sign_in()

    def note(handle, **kwargs):
        seen.append(handle)

    handle = session_handle(client.session)
    assert handle == OIDCSession.objects.get().handle
    for signal in (signed_out, session_ended):
        signal.connect(note)
    try:
        end(client)
    finally:
        for signal in (signed_out, session_ended):
            signal.disconnect(note)
    assert seen == [handle]


def test_a_session_that_cannot_be_read_has_no_handle(rf):
    request = rf.get("/")
    request.session = None
    assert handles.of_request(request, None) == ""


# The checks of the layers


@pytest.mark.parametrize(
    ("configured", "found", "found_in_production"),
    [
        ({}, ["oidc_logout.W058"], []),
        (None, ["oidc_logout.W058"], []),
        (IN_MEMORY, [], ["oidc_logout.W059"]),
        ({"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}, [], []),
        ({"default": None}, [], []),
    ],
)
def test_layers_are_checked(settings, configured, found, found_in_production):
    settings.CHANNEL_LAYERS = configured
    assert [message.id for message in sockets.check_layers()] == found
    assert [message.id for message in sockets.check_shared_layers()] == found_in_production


@pytest.mark.parametrize("layers", [{}, IN_MEMORY])
def test_layers_are_checked_only_for_the_app(settings, app, monkeypatch, layers):
    settings.CHANNEL_LAYERS = layers
    monkeypatch.delitem(apps.app_configs, app.label)
    assert [*sockets.check_layers(), *sockets.check_shared_layers()] == []
