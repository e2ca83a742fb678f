"""The instruments: counters, and a histogram of how long ended sessions have lasted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from opentelemetry import metrics

from ...signals import (
    logout_token_rejected,
    security_event,
    session_ended,
    sign_in_refused,
    signed_in,
    signed_out,
)

if TYPE_CHECKING:
    from ...codes import EndedCode, RefusedCode, RejectedCode, SignInCode
    from ...models import OIDCSession
    from ...outcome import Outcome

NAME = "django_oidc_logout"
MINUTE, HOUR, DAY = 60, 3600, 86_400
# OpenTelemetry's own boundaries end at 10,000: everything after three hours would be one bucket.
BOUNDARIES = (
    *(n * MINUTE for n in (1, 5, 15, 30)),
    *(n * HOUR for n in (1, 2, 4, 8, 12)),
    *(n * DAY for n in (1, 2, 7, 14, 30)),
)


class Instruments:
    """The package's instruments of one meter. An unknown alias is the empty string."""

    def __init__(self, meter: metrics.Meter) -> None:
        counter = meter.create_counter
        self._signed_in = counter("oidc.sign_ins", unit="{sign-in}")
        self._refused = counter("oidc.sign_ins_refused", unit="{sign-in}")
        self._signed_out = counter("oidc.signed_out", unit="{sign-out}")
        self._ended = counter("oidc.sessions_ended", unit="{session}")
        self._rejected = counter("oidc.logout_tokens_rejected", unit="{token}")
        self._events = counter("oidc.security_events", unit="{event}")
        self._lasted = meter.create_histogram(
            "oidc.session_duration", unit="s", explicit_bucket_boundaries_advisory=BOUNDARIES
        )

    def signed_in(self, code: SignInCode, provider: str, **_: Any) -> None:
        """Count a sign-in."""
        self._signed_in.add(1, {"code": code.value, "provider": provider})

    def refused(self, code: RefusedCode, provider: str, **_: Any) -> None:
        """Count a refused sign-in."""
        self._refused.add(1, {"code": code.value, "provider": provider})

    def signed_out(
        self, user: Any, session: OIDCSession | None, outcome: Outcome, **_: Any
    ) -> None:
        """Count a sign-out, unless nobody was signed in.

        Django REST framework may not know the user of a session. The end of an overdue session has
        been counted already.
        """
        if user is None and session is None:
            return
        attributes = {"code": outcome.code.value, "provider": outcome.alias}
        self._signed_out.add(1, {**attributes, "tokens": outcome.tokens})
        if session is None or session.ends_at is None or session.ends_at > timezone.now():
            self._record(session, attributes)

    def ended(self, session: OIDCSession, code: EndedCode, **_: Any) -> None:
        """Count an ended session."""
        attributes = {"code": code.value, "provider": session.provider}
        self._ended.add(1, {**attributes, "source": code.source.value})
        self._record(session, attributes)

    def rejected(self, code: RejectedCode, provider: str, **_: Any) -> None:
        """Count a rejected message."""
        self._rejected.add(1, {"code": code.value, "provider": provider})

    def event(self, provider: str, event: str, **_: Any) -> None:
        """Count a security event."""
        self._events.add(1, {"provider": provider, "event": event})

    def _record(self, session: OIDCSession | None, attributes: dict[str, str]) -> None:
        if session is not None:
            lasted = (timezone.now() - session.signed_in_at).total_seconds()
            self._lasted.record(lasted, attributes)

    def connect(self) -> None:
        """Connect the instruments to the signals, in place of those of an earlier call."""
        receivers = (
            (signed_in, self.signed_in),
            (sign_in_refused, self.refused),
            (signed_out, self.signed_out),
            (session_ended, self.ended),
            (logout_token_rejected, self.rejected),
            (security_event, self.event),
        )
        for signal, receiver in receivers:
            signal.disconnect(dispatch_uid=f"oidc_logout.{NAME}")
            signal.connect(receiver, weak=False, dispatch_uid=f"oidc_logout.{NAME}")


def connect() -> None:
    """Connect the instruments of the global meter provider."""
    Instruments(metrics.get_meter(NAME)).connect()
