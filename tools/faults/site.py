"""The site: the README's URLs, a few pages, and what the run needs from outside."""

from __future__ import annotations

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    login,
    logout,
    update_session_auth_hash,
)
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import call_command
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import include, path
from django.utils.crypto import get_random_string
from django.views.decorators.csrf import csrf_exempt
from mozilla_django_oidc.auth import default_username_algo

from django_oidc_logout.api import asign_out, end_sessions
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import engines

from .provider import CUSTOMER_OF

OF_A_SESSION = "django.contrib.sessions.cache"  # and cached_db
KEY_LENGTH = 32


def home(request):
    return HttpResponse("home")


def private(request):
    return JsonResponse({"user": getattr(request.user, "email", "")})


def touch(request):
    """Save the session, as a shopping basket would."""
    if request.user.is_authenticated:
        request.session["touched"] = get_random_string(8)
    return private(request)


def cycle(request):
    if request.user.is_authenticated:
        request.session.cycle_key()
    return private(request)


def change_password(request):
    if request.user.is_authenticated:
        request.user.set_password(get_random_string(8))
        request.user.save()
        update_session_auth_hash(request, request.user)
    return private(request)


def switch(request):
    """Act as one's customer, or return.

    The user says which of both, and not a value in the session: a server that dies can lose what
    was written last.
    """
    if request.user.is_authenticated:
        users, email = get_user_model().objects, request.user.email
        if email.startswith(CUSTOMER_OF):
            other = users.get(email=email.removeprefix(CUSTOMER_OF))
        else:
            email = f"{CUSTOMER_OF}{email}"
            name = default_username_algo(email)  # a customer may sign in, too
            other, _ = users.get_or_create(username=name, defaults={"email": email})
        login(request, other, backend=request.session[BACKEND_SESSION_KEY])
    return private(request)


@csrf_exempt
async def leave(request):
    return await asign_out(request)


@csrf_exempt
def django_logout(request):
    """Sign out as a site does that does not know the package."""
    logout(request)
    return HttpResponseRedirect("/")


@csrf_exempt
def end(request):
    """End the sessions of a person, as an administrator does."""
    user = get_user_model().objects.filter(email=request.POST["email"]).first()
    return JsonResponse({"ended": end_sessions(user=user) if user else 0})


def health(request):
    get_user_model().objects.exists()
    cache.set("health", 1, 5)
    return HttpResponse(status=200 if cache.get("health") else 500)


@csrf_exempt
def clear(request):
    call_command("oidc_logout_clear_sessions", verbosity=0)
    return HttpResponse("cleared")


@csrf_exempt
def audit(request):
    """Do the housekeeping; return which sessions have a row, and which are signed in."""
    call_command("oidc_logout_clear_sessions", verbosity=0)
    call_command("clearsessions")
    redis = cache._cache.get_client(None, write=True)
    names = [name.decode() for name in redis.scan_iter(count=1000)]
    stored = set(Session.objects.values_list("session_key", flat=True)) | {
        name[-KEY_LENGTH:] for name in names if OF_A_SESSION in name
    }
    return JsonResponse(
        {
            "rows": list(OIDCSession.objects.values_list("session_key", flat=True)),
            "signed_in": [key for key in stored if SESSION_KEY in engines.store()(key)],
            "cached": len(names),
            "cached for ever": [name for name in names if redis.ttl(name) == -1],
        }
    )


urlpatterns = [
    path("", home),
    path("private/", private),
    path("touch/", touch),
    path("cycle/", cycle),
    path("change-password/", change_password),
    path("switch/", switch),
    path("leave/", leave),
    path("django-logout/", django_logout),
    path("end/", end),
    path("health/", health),
    path("clear/", clear),
    path("audit/", audit),
    path("oidc/", include("django_oidc_logout.urls")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
