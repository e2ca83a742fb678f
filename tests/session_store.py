"""A session store with a model, but not a subclass of Django's, as django-user-sessions has one.

It replaces a session that it does not find, and writes one that was deleted again.
"""

from __future__ import annotations

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.utils import timezone


class SessionStore(SessionBase):
    def load(self):
        live = Session.objects.filter(expire_date__gt=timezone.now())
        row = live.filter(session_key=self.session_key).first()
        if row is None:
            self.create()
            return {}
        return self.decode(row.session_data)

    def exists(self, session_key):
        return Session.objects.filter(session_key=session_key).exists()

    def create(self):
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True
        self._session_cache = {}

    def save(self, must_create=False):
        Session(
            session_key=self._get_or_create_session_key(),
            session_data=self.encode(self._get_session(no_load=must_create)),
            expire_date=self.get_expiry_date(),
        ).save(force_insert=must_create)

    def delete(self, session_key=None):
        row = Session.objects.filter(session_key=session_key or self.session_key).first()
        if row is not None:
            row.delete()
