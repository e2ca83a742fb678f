"""The least that a back-channel logout can cost: only the necessary work.

It verifies one signature, looks once into an index, and deletes a session and its row. It neither
notices replays nor prevents races, and works with one engine, key, algorithm and client.
"""

from __future__ import annotations

import hashlib
from functools import cache

import jwt
import requests
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

from .project import session_store

ROW = "SELECT session_key FROM django_oidc_logout_oidcsession WHERE sid_digest = %s"
DELETE_SESSION = "DELETE FROM django_session WHERE session_key = %s"
DELETE_ROW = "DELETE FROM django_oidc_logout_oidcsession WHERE session_key = %s"


@cache
def _key():
    keys = requests.get(settings.OIDC_OP_JWKS_ENDPOINT, timeout=3).json()["keys"]
    return jwt.PyJWK(keys[0]).key


def _digest_of_sid(request):
    issuer = settings.OIDC_LOGOUT_PROVIDERS["default"]["ISSUER"]
    claims = jwt.decode(
        request.POST["logout_token"],
        _key(),
        algorithms=["RS256"],
        audience=settings.OIDC_RP_CLIENT_ID,
        issuer=issuer,
    )
    return hashlib.sha256(f"{issuer}\0{claims['sid']}".encode()).hexdigest()


@csrf_exempt
def back_channel(request):
    """End the session that a logout token names, as a Django site does: by engine and model."""
    from django_oidc_logout.models import OIDCSession

    row = OIDCSession.objects.get(sid_digest=_digest_of_sid(request))
    session_store()(row.session_key).delete()
    row.delete()
    return HttpResponse()


@csrf_exempt
def bare_sql(request):
    """Do the same without Django's models and engine, in three statements."""
    with connection.cursor() as cursor:
        cursor.execute(ROW, [_digest_of_sid(request)])
        (key,) = cursor.fetchone()
        cursor.execute(DELETE_SESSION, [key])
        cursor.execute(DELETE_ROW, [key])
    return HttpResponse()
