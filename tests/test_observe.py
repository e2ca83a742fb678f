"""The recipes of docs/how-to/observe.md, copied from the page, count what really happens."""

from __future__ import annotations

import json
import logging
import logging.config
import re
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.dispatch import Signal
from django.test import Client

from django_oidc_logout import signals
from django_oidc_logout.api import end_sessions
from django_oidc_logout.codes import RefusedCode
from tests.absence import need_package
from tests.docs.codes_page import ENUMS
from tests.factories import is_signed_in, post_logout_token

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "observe.md"
SIGNALS = [value for value in vars(signals).values() if isinstance(value, Signal)]
LOGOUT = "/oidc/logout/"


def block(first_line):
    """Return the page's block that begins with `first_line`."""
    (text,) = (
        part.partition("```")[0]
        for part in PAGE.read_text().split("```python\n")
        if part.startswith(first_line)
    )
    return text


def execute(first_line):
    module = ModuleType("recipe")
    exec(block(first_line), module.__dict__)
    return module


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    connected = [(signal, list(signal.receivers)) for signal in SIGNALS]
    yield
    for signal, receivers in connected:
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()


@pytest.fixture
def prometheus(monkeypatch):
    """Follow the recipe; return a function that reads the counters."""
    need_package("prometheus_client", "prometheus-client")
    import prometheus_client  # noqa: PLC0415  # may be absent

    registry = prometheus_client.CollectorRegistry()

    def counter(*arguments):
        return prometheus_client.metrics.Counter(*arguments, registry=registry)

    monkeypatch.setattr(prometheus_client, "Counter", counter)
    recipe = execute("# mysite/metrics.py")

    def read():
        assert recipe
        return {
            (sample.name.removesuffix("_total"), *sample.labels.values()): sample.value
            for metric in registry.collect()
            for sample in metric.samples
            if not sample.name.endswith("_created")
        }

    return read


def sign_out(sign_in, **data):
    sign_in().post(LOGOUT, data)


def down(idp, paths=("/.well-known/openid-configuration",)):
    for path in paths:
        idp.answers[path] = lambda handler: handler.send_error(503)


@pytest.fixture
def ways(idp, settings, sign_in, logout_token):
    """Return what can happen, by name."""

    def unavailable():
        down(idp)
        sign_out(sign_in)

    def revoked(path=()):
        settings.OIDC_LOGOUT_REVOKE_TOKENS = True
        down(idp, path)
        sign_out(sign_in)

    def not_recorded():
        with mock.patch(
            "django_oidc_logout.sign_in.recording.rows.record", side_effect=DatabaseError
        ):
            sign_in()

    def inactive():
        client = sign_in()
        get_user_model().objects.update(is_active=False)  # without a signal, so they stay signed in
        client.post(LOGOUT)

    return {
        "inactive": inactive,
        "redirect": lambda: sign_out(sign_in),
        "local": lambda: sign_out(sign_in, local="1"),
        "unavailable": unavailable,
        "revoked": revoked,
        "not revoked": lambda: revoked(["/revoke"]),
        "not recorded": not_recorded,
        "security event": lambda: signals.security_event.send(
            None, provider="default", event="e", subject={}, details={}
        ),
        "refused": lambda: signals.sign_in_refused.send(
            None,
            request=None,
            provider="default",
            sub_digest="",
            code=RefusedCode.SESSION_OVER,
        ),
        "nobody": lambda: Client().post(LOGOUT),
        "back-channel": lambda: sign_in() and post_logout_token(logout_token()),
        "by code": lambda: sign_in() and end_sessions(issuer=idp.issuer),
        "forged": lambda: post_logout_token(logout_token(nonce="n")),
        "others' issuers": lambda: [
            post_logout_token(logout_token(iss=f"https://{n}.example.com")) for n in range(3)
        ],
    }


SIGNED_IN = {("oidc_sign_ins", "recorded", "default"): 1}


def signed_out(code, tokens="skipped"):
    return SIGNED_IN | {("oidc_signed_out", code, "default", tokens): 1}


EXPECTED = {
    "redirect": signed_out("redirected"),
    "inactive": signed_out("redirected"),
    "local": signed_out("local_only"),
    "unavailable": signed_out("provider_unavailable"),
    "revoked": signed_out("redirected", "revoked"),
    "not revoked": signed_out("redirected", "failed"),
    "not recorded": {("oidc_sign_ins", "not_recorded", "default"): 1},
    "refused": {("oidc_sign_ins_refused", "session_over", "default"): 1},
    "nobody": {},
    "back-channel": SIGNED_IN | {("oidc_sessions_ended", "back_channel", "default"): 1},
    "by code": SIGNED_IN | {("oidc_sessions_ended", "by_site", "default"): 1},
    "forged": {("oidc_logout_tokens_rejected", "has_nonce", "default"): 1},
    "others' issuers": {("oidc_logout_tokens_rejected", "unknown_provider", ""): 3},
    "security event": {("oidc_security_events", "default"): 1},
}


@pytest.mark.parametrize("way", EXPECTED)
def test_counters(prometheus, ways, way):
    ways[way]()
    assert prometheus() == EXPECTED[way]


def test_a_sentence_is_no_label():
    assert "reason" not in block("# mysite/metrics.py")


def test_a_counter_that_fails_keeps_nobody_signed_in(prometheus, sign_in, monkeypatch, caplog):
    client = sign_in()
    monkeypatch.setattr("prometheus_client.metrics.Counter.inc", lambda self: 1 / 0)
    assert client.post(LOGOUT).status_code == 302
    assert not is_signed_in(client)
    assert "ZeroDivisionError" in caplog.text


def test_alerts_ask_for_counters_and_values_that_there_are(prometheus):
    need_package("yaml", "PyYAML")
    from yaml import safe_load  # noqa: PLC0415  # may be absent

    (text,) = (part.partition("```")[0] for part in PAGE.read_text().split("```yaml\n")[1:])
    (group,) = safe_load(text)["groups"]
    asked = " ".join(rule["expr"] for rule in group["rules"])
    for name in ("oidc_signed_out_total", "oidc_logout_tokens_rejected_total"):
        assert name in asked
    known = {name for expected in EXPECTED.values() for name, *_ in expected}
    assert set(re.findall(r"(oidc_\w+)_total", asked)) <= known
    values = {
        value for expected in EXPECTED.values() for _, *labels in expected for value in labels
    }
    assert set(re.findall(r'[^!]="(\w*)"', asked)) <= values


@pytest.fixture(scope="module")
def dashboard():
    """Return the dashboard's queries."""
    document = json.loads((PAGE.parent / "grafana.json").read_text())
    numbers = [each["id"] for each in document["panels"]]
    assert len(numbers) == len(set(numbers))
    return [target["expr"] for each in document["panels"] for target in each["targets"]]


def test_dashboard_asks_for_counters_that_there_are(dashboard):
    known = {name for expected in EXPECTED.values() for name, *_ in expected}
    assert set(re.findall(r"(oidc_\w+)_total", " ".join(dashboard))) == known


def test_dashboard_and_alerts_name_codes_that_there_are(dashboard):
    known = {code.value for enum in ENUMS for code in enum}
    for text in (" ".join(dashboard), PAGE.read_text()):
        named = set(re.findall(r'code="(\w+)"', text))
        assert named
        assert named <= known
        assert set(re.findall(r'tokens="(\w+)"', text)) <= {"revoked", "skipped", "failed"}


def test_dashboard_reads_the_buckets_that_there_are(dashboard):
    need_package("opentelemetry", "opentelemetry-api")
    from django_oidc_logout.contrib.opentelemetry import instruments  # noqa: PLC0415

    meter = mock.Mock()
    instruments.Instruments(meter)
    (name,), options = meter.create_histogram.call_args
    read = {each for text in dashboard for each in re.findall(r"(oidc_\w+)_bucket", text)}
    assert read == {f"{name.replace('.', '_')}_seconds"}
    bounds = options["explicit_bucket_boundaries_advisory"]
    assert options["unit"] == "s"
    assert sorted(set(bounds)) == list(bounds)


def test_log_is_json(sign_in, monkeypatch, capsys):
    logs = execute("# mysite/logs.py")
    settings = {}
    exec(block("LOGGING = "), settings)
    configuration = settings["LOGGING"]
    assert configuration["formatters"]["json"]["()"] == "mysite.logs.JSONFormatter"
    configuration["formatters"]["json"]["()"] = logs.JSONFormatter
    logger = logging.getLogger("django_oidc_logout")
    before = (logger.level, list(logger.handlers))
    try:
        logging.config.dictConfig(configuration)
        sign_out(sign_in)
        try:
            {}["what is missing"]
        except KeyError:
            logger.exception("It went wrong")
    finally:
        logger.setLevel(before[0])
        logger.handlers = before[1]
    told, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert told.keys() == {"time", "level", "logger", "message", "code", "provider"}
    assert (told["code"], told["provider"]) == ("redirected", "default")
    assert told["message"].startswith("Signed out: site=done provider=redirect")
    assert "KeyError: 'what is missing'" in failed["exception"]
