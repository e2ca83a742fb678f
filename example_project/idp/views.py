"""The identity provider's own page; all others are Django's and django-oauth-toolkit's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render

from example_project.agreed import PEOPLE

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from example_project.agreed import Person


def home(request: HttpRequest) -> HttpResponse:
    """Say who is signed in here."""
    return render(request, "idp/home.html")


def people(_request: HttpRequest) -> dict[str, tuple[Person, ...]]:
    """Let every page give away names and passwords: it is a demo."""
    return {"people": PEOPLE}
