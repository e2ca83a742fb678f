"""The pages of every site. They and the log tell the scenario what happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpResponse
from django.template import engines
from django.urls import path

from django_oidc_logout.signals import signed_out
from e2e.sites import written

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest
    from django.urls import URLPattern

    from django_oidc_logout.outcome import Outcome

OUR_BUTTON = written.button()


def urlpatterns(*, sign_in: str, button: str = OUR_BUTTON) -> list[URLPattern]:
    """Return the URLs of the pages.

    Args:
        sign_in: the template of the link or form that starts a sign-in.
        button: the template of what signs out.
    """
    signed_in, nobody = f"You are signed in. {button}", sign_in
    text = f"{{% if user.is_authenticated %}}{signed_in}{{% else %}}{nobody}{{% endif %}}"
    template = engines["django"].from_string(text)

    def home(request: HttpRequest) -> HttpResponse:
        return HttpResponse(template.render(request=request))

    return [path("", home), path("admin/", admin.site.urls)]


def say(**values: Any) -> None:
    """Say something in the log, which the tests read."""
    print(json.dumps(values), flush=True)  # noqa: T201  # the log is the standard output


@receiver(user_logged_in, dispatch_uid="e2e.sites.say_who")
def say_who(user: AbstractBaseUser, **_: Any) -> None:
    """Say in the log who was signed in."""
    say(logged_in=user.get_username())


@receiver(signed_out, dispatch_uid="e2e.sites.say")
def say_outcome(outcome: Outcome, **_: Any) -> None:
    say(outcome=outcome.provider, recorded=outcome.recorded)
