"""The tests' URLs, and pages that change a session or say how they may be cached."""

from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.urls import include, path
from django.views.decorators.cache import cache_control, never_cache

from tests.urls import urlpatterns as site_urls


def public(request):
    return HttpResponse("public")


def change_password(request):
    request.user.set_password("new")
    request.user.save()
    update_session_auth_hash(request, request.user)
    return HttpResponse("changed")


def cycle(request):
    request.session.cycle_key()
    return HttpResponse("cycled")


def put_aside(request):
    request.session["basket"] = ["book"]
    return HttpResponse("put aside")


@cache_control(max_age=60)
def cached_by_choice(request):
    return HttpResponse(str(request.user))


@never_cache
def never_cached(request):
    return HttpResponse(str(request.user))


async def private_async(request):
    return HttpResponse(f"private to {await request.auser()}")


urlpatterns = [
    *site_urls,
    path("public/", public),
    path("change-password/", change_password),
    path("cycle/", cycle),
    path("put-aside/", put_aside),
    path("cached/", cached_by_choice),
    path("never-cached/", never_cached),
    path("private-async/", private_async),
    path("accounts/", include("django.contrib.auth.urls")),
]
