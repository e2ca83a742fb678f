"""The stream of a transmitter: create, inspect, verify, poll and delete it.

OpenID Shared Signals Framework 1.0, section 8; polling is RFC 8936.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..exceptions import (
    OIDCLogoutError,
    ProviderUnavailable,
    SecurityEventInvalid,
    TokenUnreadable,
)
from ..providers import client, fetch, metadata, with_query
from ..providers.dialects import POLL
from . import policy, receiver, state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..providers.transmitter import Transmitter

SCOPE = "ssf.manage ssf.read"
MAX_EVENTS = 100
OK = range(200, 300)


@dataclass(slots=True, kw_only=True)
class Polled:
    """What a poll has fetched."""

    received: int = 0
    rejected: int = 0
    failed: int = 0
    """Events that the site could not deal with; the transmitter keeps them."""
    seen: set[str] = field(default_factory=set)
    """The IDs of all of them: a transmitter may send an event again at once."""


class Stream:
    """The site's stream at a transmitter, which the client's own token may manage.

    Each method raises `ProviderUnavailable` if the transmitter does not do as asked.
    """

    def __init__(self, sender: Transmitter) -> None:
        self.sender = sender
        self._token = ""

    def create(self, push_url: str) -> dict[str, Any]:
        """Create the stream and return its configuration.

        If the stream is not of this transmitter, it is not used (section 8.1.1.1).

        Args:
            push_url: where to push events. Empty: the site polls for them.
        """
        delivery = {"method": POLL}
        if push_url:
            delivery = {"method": self.sender.dialect.push, "endpoint_url": push_url}
            if self.sender.signals.authorization:
                delivery["authorization_header"] = self.sender.signals.authorization
        wanted = {"delivery": delivery, "events_requested": policy.requested()}
        return self._own(self._call("POST", self._endpoint("configuration"), wanted))

    def configuration(self) -> dict[str, Any]:
        """Return the stream's configuration."""
        return self._own(self._configuration())

    def status(self) -> dict[str, Any]:
        """Return the stream's status."""
        return _object(self._call("GET", self._of_stream("status", self.configuration())))

    def verify(self) -> None:
        """Ask for a verification event, with a state of ours."""
        stream = _id(self.configuration())
        document = {"stream_id": stream, "state": state.sign(self.sender.options.alias, stream)}
        self._call("POST", self._endpoint("verification"), document)

    def delete(self) -> None:
        """Delete the stream, whoever's it is."""
        self._call("DELETE", self._of_stream("configuration", self._configuration()))

    def poll(self) -> Polled:
        """Fetch all events that wait, act on them and acknowledge them.

        What the site fails to deal with is not acknowledged, so that it comes again.
        """
        delivery = self.configuration().get("delivery")
        url = str(_object(delivery).get("endpoint_url"))
        polled, asked = Polled(), _question({}, [])
        while True:
            answer = _object(self._call("POST", url, asked))
            sets = _object(answer.get("sets") or {})
            new = {jti: encoded for jti, encoded in sets.items() if jti not in polled.seen}
            polled.seen.update(new)
            errors, acknowledged = self._receive_all(new, polled)
            if not (errors or acknowledged):
                return polled
            asked = _question(errors, acknowledged)

    def _receive_all(
        self, sets: Mapping[str, Any], polled: Polled
    ) -> tuple[dict[str, Any], list[str]]:
        errors: dict[str, Any] = {}
        acknowledged = []
        for jti, encoded in sets.items():
            try:
                receiver.receive(str(encoded))
            except (SecurityEventInvalid, TokenUnreadable) as exc:
                errors[jti] = {"err": exc.error, "description": exc.description}
                polled.rejected += 1
            except OIDCLogoutError:
                polled.failed += 1
            else:
                acknowledged.append(jti)
                polled.received += 1
        return errors, acknowledged

    def _configuration(self) -> dict[str, Any]:
        found = self._call("GET", self._endpoint("configuration"))
        streams = found if isinstance(found, list) else [found]
        if not streams:
            raise ProviderUnavailable(f"{self.sender.issuer} does not have a stream: create one")
        return _object(streams[0])

    def _own(self, configuration: Any) -> dict[str, Any]:
        found = _object(configuration)
        if found.get("iss", self.sender.issuer) != self.sender.issuer:
            raise ProviderUnavailable(
                f"the stream's iss is not {self.sender.issuer}: delete the stream"
            )
        return found

    def _endpoint(self, name: str) -> str:
        return self.sender.endpoint(f"{name}_endpoint")

    def _of_stream(self, name: str, configuration: Mapping[str, Any]) -> str:
        return with_query(self._endpoint(name), urlencode({"stream_id": _id(configuration)}))

    def _call(self, method: str, url: str, document: object = None) -> Any:
        self._token = self._token or self._fetch_token()
        status, answer = fetch.call(
            method, url, self.sender.options, token=self._token, document=document
        )
        if status not in OK:
            raise ProviderUnavailable(f"{url} responded with status {status}{_reason(answer)}")
        return answer

    def _fetch_token(self) -> str:
        options = self.sender.options
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        data, auth = client.authenticated(options, form, "token_endpoint")
        url = metadata.endpoint(options, "token_endpoint")
        _, answer = fetch.post_for_json(url, options, data, auth)
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise ProviderUnavailable(f"{url} did not issue a token for {SCOPE}{_reason(answer)}")
        return token


def _question(errors: Mapping[str, Any], acknowledged: list[str]) -> dict[str, Any]:
    return {
        "maxEvents": MAX_EVENTS,
        "returnImmediately": True,
        "ack": acknowledged,
        "setErrs": errors,
    }


def _object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ProviderUnavailable("the transmitter did not respond with a JSON object")
    return document


def _id(configuration: Mapping[str, Any]) -> str:
    return str(configuration.get("stream_id"))


def _reason(answer: Any) -> str:
    """Return what an error says, by the names of OAuth and of RFC 8935."""
    said = answer if isinstance(answer, dict) else {}
    names = ("error", "err", "error_description", "description")
    return "".join(f": {said[name]}" for name in names if isinstance(said.get(name), str))
