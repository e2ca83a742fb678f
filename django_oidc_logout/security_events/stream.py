"""The stream of a transmitter: create, inspect, verify, poll and delete it.

OpenID Shared Signals Framework 1.0, section 8; polling is RFC 8936.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..codes import LogCode
from ..exceptions import (
    OIDCLogoutError,
    ProviderUnavailable,
    SecurityEventInvalid,
    TokenUnreadable,
)
from ..providers import client, fetch, metadata, with_query
from ..providers.dialects import POLL
from . import policy, receiver, state, token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..providers.transmitter import Transmitter

logger = logging.getLogger("django_oidc_logout")

SCOPE = "ssf.manage ssf.read"
MAX_EVENTS = 100
OK = range(200, 300)
CONFLICT = 409
EXISTS = ": a stream exists already, run status to see it, or delete before create"


@dataclass(slots=True, kw_only=True)
class Polled:
    """What a poll has fetched."""

    received: int = 0
    rejected: int = 0
    failed: int = 0
    """Events that the site could not process. The transmitter keeps them."""
    seen: set[str] = field(default_factory=set)
    """The IDs of all fetched events, because a transmitter may send an event again at once."""


class Stream:
    """The site's stream at a transmitter. A token of the client manages it.

    Each method raises `ProviderUnavailable` if the transmitter's response is not a success.
    """

    def __init__(self, sender: Transmitter, *, push_url: str = "", stream_id: str = "") -> None:
        """Choose the stream at a transmitter, which may have streams of other sites, too.

        Args:
            sender: the transmitter.
            push_url: where events are pushed to, if it is known.
            stream_id: the stream's ID. Empty: the only one, or the one that pushes to `push_url`.
        """
        self.sender, self.push_url, self.stream_id = sender, push_url, stream_id
        self._token = ""

    def create(self, *, polls: bool) -> dict[str, Any]:
        """Create the stream and return its configuration.

        A stream with the `iss` of another transmitter is rejected (section 8.1.1.1).

        Args:
            polls: whether the site polls for events. Otherwise, they are pushed.
        """
        wished = {"method": POLL}
        if not polls:
            wished = {"method": self.sender.dialect.push, "endpoint_url": self.push_url}
            if self.sender.signals.authorization:
                wished["authorization_header"] = self.sender.signals.authorization
        wanted = {"delivery": wished, "events_requested": policy.requested(self.sender)}
        url = self._endpoint("configuration")
        return self._own(self._call("POST", url, wanted, conflict=EXISTS))

    def configuration(self) -> dict[str, Any]:
        """Return the stream's configuration."""
        return self._own(self._configuration())

    def status(self) -> dict[str, Any]:
        """Return the stream's status."""
        return _object(self._call("GET", self._of_stream("status", self.configuration())))

    def verify(self) -> None:
        """Request a verification event, with a signed state."""
        stream = _id(self.configuration())
        document = {"stream_id": stream, "state": state.sign(self.sender.options.alias, stream)}
        self._call("POST", self._endpoint("verification"), document)

    def delete(self) -> None:
        """Delete the stream, even if its `iss` is another transmitter."""
        self._call("DELETE", self._of_stream("configuration", self._configuration()))

    def poll(self) -> Polled:
        """Fetch all waiting events, act on them and acknowledge them.

        If the site cannot process an event, it does not acknowledge it, so that it is sent again.
        It asks for as many events more, so that those do not keep others from being sent.
        """
        url = str(delivery(self.configuration()).get("endpoint_url"))
        polled, asked = Polled(), _question({}, [], MAX_EVENTS)
        while True:
            answer = _object(self._call("POST", url, asked))
            sets = _object(answer.get("sets") or {})
            new = {jti: encoded for jti, encoded in sets.items() if jti not in polled.seen}
            polled.seen.update(new)
            if not new:
                return polled
            errors, acknowledged = self._receive_all(new, polled)
            asked = _question(errors, acknowledged, MAX_EVENTS + polled.failed)

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
            except Exception:  # whatever is wrong with one event, the others must be processed
                logger.exception(
                    "Could not process a security event, it is not acknowledged: issuer=%s jti=%s",
                    self.sender.issuer,
                    token.loggable(jti),
                    extra=LogCode.EVENT_NOT_PROCESSED.extra(provider=self.sender.options.alias),
                )
                polled.failed += 1
            else:
                acknowledged.append(jti)
                polled.received += 1
        return errors, acknowledged

    def _configuration(self) -> dict[str, Any]:
        found = self._call("GET", self._endpoint("configuration"))
        streams = [_object(each) for each in (found if isinstance(found, list) else [found])]
        if not streams:
            raise ProviderUnavailable(f"{self.sender.issuer} does not have a stream: create one")
        return self._choose(streams)

    def _choose(self, streams: list[dict[str, Any]]) -> dict[str, Any]:
        chosen = streams
        if self.stream_id:
            chosen = [each for each in streams if _id(each) == self.stream_id]
        elif len(streams) > 1:  # the endpoint of a poll is the transmitter's, whoever polls
            url = self.push_url
            chosen = [each for each in streams if delivery(each).get("endpoint_url") == url]
        if len(chosen) != 1:
            ids = ", ".join(map(_id, streams))
            raise ProviderUnavailable(
                f"{self.sender.issuer} has these streams: {ids}. Choose the site's by --stream"
            )
        return chosen[0]

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

    def _call(self, method: str, url: str, document: object = None, *, conflict: str = "") -> Any:
        self._token = self._token or self._fetch_token()
        status, answer = fetch.call(
            method, url, self.sender.options, token=self._token, document=document
        )
        if status not in OK:
            why = _reason(answer) + (conflict if status == CONFLICT else "")
            raise ProviderUnavailable(f"{url} responded with status {status}{why}")
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


def delivery(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how a stream delivers events, or {} if it does not say so."""
    found = configuration.get("delivery")
    return found if isinstance(found, dict) else {}


def _question(errors: Mapping[str, Any], acknowledged: list[str], limit: int) -> dict[str, Any]:
    return {
        "maxEvents": limit,
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
    """Return an error's code and description, as OAuth or RFC 8935 names them."""
    said = answer if isinstance(answer, dict) else {}
    names = ("error", "err", "error_description", "description")
    return "".join(f": {said[name]}" for name in names if isinstance(said.get(name), str))
