"""`manage.py oidc_logout_signals`: the stream of security events at a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.framework import request_scope
from django_oidc_logout.providers.transmitter import Transmitter, configured_transmitters
from django_oidc_logout.security_events import receipts
from django_oidc_logout.security_events.stream import Stream, delivery

if TYPE_CHECKING:
    from argparse import ArgumentParser

ACTIONS = ("create", "status", "verify", "poll", "delete")


class Command(BaseCommand):
    """Create, inspect, verify, poll or delete the stream."""

    help = (
        "Create the stream of security events at a provider, show its status, verify it, fetch "
        "the events that wait (for sites that the provider cannot reach), or delete it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        add = parser.add_argument
        add("action", choices=ACTIONS)
        add("--provider", metavar="ALIAS", help="an alias with SHARED_SIGNALS (default: the only)")
        add("--site", metavar="URL", default="", help="the site's URL, to which events are pushed")
        add("--stream", metavar="ID", default="", help="a stream's ID, if there are several")
        add("--poll", action="store_true", help="create: the site polls, nothing is pushed")

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        """Run the action, and print its result.

        Raises:
            CommandError: the provider is not configured, or the action failed.
        """
        with request_scope.begin(None):
            try:
                sender = _sender(options["provider"])
                url = _push_url(sender, options["site"])
                stream = Stream(sender, push_url=url, stream_id=options["stream"])
                lines = getattr(self, f"_{action}")(stream, options)
            except ProviderUnavailable as exc:
                raise CommandError(f"{exc}.") from exc
        for line in lines:  # with what the provider sent, which may be impossible to encode
            self.stdout.write(line.encode(errors="backslashreplace").decode())

    def _create(self, stream: Stream, options: dict[str, Any]) -> list[str]:
        if not options["poll"] and not stream.push_url:
            raise CommandError("Pass the site's URL: --site https://www.example.com")
        made = stream.create(polls=options["poll"])
        lines = [f"Created the stream {made.get('stream_id')}."]
        if not stream.sender.is_audience(_texts(made.get("aud"))):
            lines.append(f'Set SHARED_SIGNALS["AUDIENCE"] to {made.get("aud")!r}.')
        return [*lines, "Run this command with verify."]

    def _status(self, stream: Stream, _options: dict[str, Any]) -> list[str]:
        found, verified = stream.configuration(), receipts.verified_at(stream.sender.options.alias)
        return [
            f"Stream: {found.get('stream_id')}",
            f"Status: {stream.status().get('status')}",
            f"Delivery: {delivery(found).get('method')}",
            f"Endpoint: {delivery(found).get('endpoint_url')}",
            f"Audience: {found.get('aud')}",
            *(f"Event: {event}" for event in _texts(found.get("events_delivered"))),
            f"Last verified: {verified.isoformat(timespec='seconds') if verified else 'never'}",
        ]

    def _verify(self, stream: Stream, _options: dict[str, Any]) -> list[str]:
        stream.verify()
        return ["Asked for a verification event. See status, or poll for it."]

    def _poll(self, stream: Stream, _options: dict[str, Any]) -> list[str]:
        polled = stream.poll()
        done = f"Events received: {polled.received}, rejected: {polled.rejected}"
        if polled.failed:
            raise CommandError(
                f"{done}, failed: {polled.failed}; the log says why. Run this command again."
            )
        return [done]

    def _delete(self, stream: Stream, _options: dict[str, Any]) -> list[str]:
        stream.delete()
        return ["Deleted the stream."]


def _sender(alias: str | None) -> Transmitter:
    found = configured_transmitters()
    chosen = [each for each in found if alias in (None, each.options.alias)]
    if len(chosen) != 1:
        known = ", ".join(repr(each.options.alias) for each in found) or "none"
        raise CommandError(f"Choose a provider with SHARED_SIGNALS by --provider: {known}.")
    return chosen[0]


def _push_url(sender: Transmitter, site: str) -> str:
    """Return the URL of our view, at `site` or at the host of the post-logout redirect URI.

    It is empty if neither is known.
    """
    parts = urlsplit(sender.options.post_logout_redirect_uri)
    base = site.rstrip("/") or (f"{parts.scheme}://{parts.netloc}" if parts.netloc else "")
    return base and base + reverse("oidc_logout:events")


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
