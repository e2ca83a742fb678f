"""The alerts of the documentation fire when they should; promtool, of Prometheus, evaluates them.

And the script of docs/how-to/fleet.md never lets the exporter read a report that is not complete.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from importlib import import_module

import pytest
from django.core.management import call_command

from tests.absence import need, need_package
from tests.docs.markdown import ROOT, blocks_of

OBSERVE, FLEET = "docs/how-to/observe.md", "docs/how-to/fleet.md"

NOT_RECORDED = 'oidc_sign_ins_total{code="not_recorded",provider="default"}'
RECORDED = 'oidc_sign_ins_total{code="recorded",provider="default"}'
SIGNED_OUT = 'oidc_signed_out_total{code="redirected",provider="default",tokens="revoked"}'
NOT_TOLD = 'oidc_signed_out_total{code="provider_unavailable",provider="default",tokens="skipped"}'
NOT_REVOKED = 'oidc_signed_out_total{code="redirected",provider="default",tokens="failed"}'
REFUSED = 'oidc_logout_tokens_rejected_total{code="bad_signature",provider="default"}'
FORGED = 'oidc_logout_tokens_rejected_total{code="unknown_provider",provider=""}'
VERIFIED = 'oidc_logout_stream_verified_timestamp_seconds{instance="a",provider="default"}'
OK = 'oidc_logout_doctor_ok{instance="a"}'
RUN = 'oidc_logout_doctor_run_timestamp_seconds{instance="%s"}'
UP = 'up{instance="%s",job="node"}'

# One sample a minute; "_" is a minute without one, "stale" is what a restart leaves, and time() is
# 0 at the beginning, so earlier times are negative. Of each alert: what Prometheus has read, the
# minute, and whether it fires then.
HOURLY = " ".join(f"{3600 * hour}x59" for hour in range(6))
CASES = {
    ("SignInsAreNotRecorded", "the first"): ({NOT_RECORDED: "_x30 1x60"}, 32, True),
    ("SignInsAreNotRecorded", "the second"): ({NOT_RECORDED: "1x90 2x60"}, 100, True),
    ("SignInsAreNotRecorded", "the first since a restart"): (
        {NOT_RECORDED: "3x90 stale _x10 1x60"},
        104,
        True,
    ),
    ("SignInsAreNotRecorded", "as many as before a restart"): (
        {NOT_RECORDED: "1x90 stale _x100 1x60"},
        194,
        True,
    ),
    ("SignInsAreNotRecorded", "the first, just before a restart"): (
        {NOT_RECORDED: "_x90 1 stale _x60"},
        100,
        True,
    ),
    ("SignInsAreNotRecorded", "an old one"): ({NOT_RECORDED: "_x30 1x300"}, 120, False),
    ("SignInsAreNotRecorded", "an old one, and a scrape that failed"): (
        {NOT_RECORDED: "1x90 stale 1x120"},
        151,
        False,
    ),
    ("SignInsAreNotRecorded", "none"): ({RECORDED: "0+1x300"}, 200, False),
    ("TokensAreNotRevoked", "the first"): ({NOT_REVOKED: "_x30 1x60"}, 32, True),
    ("TokensAreNotRevoked", "an old one"): ({NOT_REVOKED: "_x30 1x300"}, 120, False),
    ("TokensAreNotRevoked", "none"): ({SIGNED_OUT: "0+1x300"}, 200, False),
    ("ProviderIsNotTold", "each sign-out"): ({NOT_TOLD: "0+1x300"}, 200, True),
    ("ProviderIsNotTold", "few, since their first"): (
        {SIGNED_OUT: "5x200", NOT_TOLD: "_x100 1x9 2x9 3x9"},
        117,
        True,
    ),
    ("ProviderIsNotTold", "one of many"): (
        {SIGNED_OUT: "0+10x300", NOT_TOLD: "_x100 1x100"},
        115,
        False,
    ),
    ("LogoutTokensAreRefused", "many at once"): ({REFUSED: "_x30 5x60"}, 32, True),
    ("LogoutTokensAreRefused", "one"): ({REFUSED: "_x30 1x60"}, 32, False),
    ("LogoutTokensAreRefused", "forged ones"): ({FORGED: "_x30 50x60"}, 32, False),
    ("LogoutTokensAreForged", "many at once"): ({FORGED: "_x30 2000x60"}, 32, True),
    ("LogoutTokensAreForged", "some"): ({FORGED: "0+1x300"}, 200, False),
    ("StreamIsSilent", "verified yesterday"): ({VERIFIED: "-86400x200"}, 120, False),
    ("StreamIsSilent", "verified yesterday, and a restart"): (
        {VERIFIED: "-86400x40 stale _x5 -86400x150"},
        120,
        False,
    ),
    ("StreamIsSilent", "not verified for days"): ({VERIFIED: "-172800x200"}, 120, True),
    ("StreamIsSilent", "not verified for days, and a restart"): (
        {VERIFIED: "-172800x40 stale _x5 -172800x150"},
        120,
        True,
    ),
    ("StreamIsSilent", "not reported"): ({RUN % "a": HOURLY}, 120, True),
    ("SignOutIsBroken", "an error"): ({OK: "1x100 0x300"}, 230, True),
    ("SignOutIsBroken", "no error"): ({OK: "1x400"}, 230, False),
    ("DoctorDoesNotRun", "it runs"): ({RUN % "a": HOURLY, UP % "a": "1x400"}, 340, False),
    ("DoctorDoesNotRun", "an old file"): (
        {RUN % "a": "60x400", UP % "a": "1x400"},
        200,
        True,
    ),
    ("DoctorDoesNotRun", "one of two has no file any more"): (
        {RUN % "a": HOURLY, RUN % "b": "0x10 stale _x400", UP % "a": "1x500", UP % "b": "1x500"},
        100,
        True,
    ),
    ("DoctorDoesNotRun", "one of two never had a file"): (
        {RUN % "a": HOURLY, UP % "a": "1x500", UP % "b": "1x500"},
        100,
        True,
    ),
    ("DoctorDoesNotRun", "one of two machines is down"): (
        {RUN % "a": HOURLY, UP % "a": "1x500", UP % "b": "0x500"},
        100,
        True,
    ),
    ("DoctorDoesNotRun", "no file anywhere"): ({RECORDED: "1x500"}, 100, True),
}


def rules(page):
    """Return the rules of a page, as text."""
    need_package("markdown_it", "markdown-it-py")
    (text,) = (
        block.text for block in blocks_of((ROOT / page).read_text()) if block.language == "yaml"
    )
    return text


@pytest.fixture(scope="module")
def promtool(tmp_path_factory):
    """Return a function that asserts the value of an expression, with the rules of both pages."""
    program = need(shutil.which("promtool"), "promtool")
    folder = tmp_path_factory.mktemp("alerts")
    for page in (OBSERVE, FLEET):
        (folder / f"{(ROOT / page).stem}.yml").write_text(rules(page))

    def check(series, minute, expression, value):
        expected = {
            "expr": expression,
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": value}],
        }
        test = {
            "interval": "1m",
            "input_series": [{"series": name, "values": read} for name, read in series.items()],
            "promql_expr_test": [expected],
        }
        document = {"rule_files": ["observe.yml", "fleet.yml"], "tests": [test]}
        (folder / "test.yml").write_text(json.dumps(document))  # JSON is YAML
        done = subprocess.run(
            [program, "test", "rules", "test.yml"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    return check


@pytest.mark.parametrize("case", CASES, ids=": ".join)
def test_alert(promtool, case):
    alert, _ = case
    series, minute, fires = CASES[case]
    firing = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    promtool(series, minute, f"clamp_max(count({firing}) or vector(0), 1)", int(fires))


@pytest.mark.parametrize("at", range(4))
def test_dashboard_shows_the_first_failure(promtool, at):
    panels = json.loads((ROOT / "docs/how-to/grafana.json").read_text())["panels"]
    (panel,) = (each for each in panels if each["title"] == "What needs attention")
    expression = panel["targets"][at]["expr"].replace("$__rate_interval", "4m")
    name = (NOT_RECORDED, NOT_TOLD, NOT_REVOKED, REFUSED)[at]
    promtool({name: "_x30 1x60"}, 32, expression, 1)
    promtool({name: "_x30 1x60"}, 60, expression, 0)


def test_each_alert_is_tested_both_ways():
    need_package("yaml", "PyYAML")
    alerts = {
        rule["alert"]
        for page in (OBSERVE, FLEET)
        for group in import_module("yaml").safe_load(rules(page))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    for fires in (True, False):
        assert {alert for (alert, _), (*_, does) in CASES.items() if does == fires} == alerts


def test_records_that_alerts_ask_for_exist():
    text = rules(OBSERVE)
    recorded = re.findall(r"record: (\S+)", text)
    assert len(recorded) == len(set(recorded))
    assert set(re.findall(r"oidc_\w+:\w+", text)) == set(recorded)
    for name, window in (each.split(":increase") for each in recorded):
        # The three places of a rule name the same counter and the same time.
        (expression,) = re.findall(
            rf"record: {name}:increase{window}\n\s+expr: >\n((?: {{10}}.*\n)+)", text
        )
        assert set(re.findall(r"oidc_\w+", expression)) == {f"{name}_total"}
        assert set(re.findall(r"\d+[mh]", expression)) == {window, "5m"}


@pytest.mark.django_db
def test_alerts_ask_for_metrics_that_the_doctor_reports(idp, configure):
    configure(SHARED_SIGNALS={})
    out = io.StringIO()
    with pytest.raises(SystemExit):  # this provider is not on https
        call_command("oidc_logout_doctor", "--format", "prometheus", stdout=out)
    reported = set(re.findall(r"^(\w+)", out.getvalue(), re.MULTILINE))
    asked = set(re.findall(r"oidc_logout_(?:doctor|stream)_\w+", rules(OBSERVE) + rules(FLEET)))
    assert asked <= reported
    page = (ROOT / FLEET).read_text()
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == reported


# The script


REPORT = "oidc_logout_doctor_run_timestamp_seconds 60\noidc_logout_doctor_ok"


@pytest.fixture
def script(tmp_path):
    """Return a function that runs the page's script, with a doctor that we give it."""
    need_package("markdown_it", "markdown-it-py")
    (text,) = (
        block.text for block in blocks_of((ROOT / FLEET).read_text()) if block.language == "sh"
    )
    site, exported = tmp_path / "site", tmp_path / "exported"
    exported.mkdir()
    (site / "venv/bin").mkdir(parents=True)
    text = text.replace("/srv/site", str(site))
    text = text.replace("/var/lib/prometheus/node-exporter", str(exported))
    assert str(exported) in text

    def run(doctor):
        python = site / "venv/bin/python"
        python.write_text(f"#!/bin/sh\n{doctor}\n")
        python.chmod(0o755)
        subprocess.run(["sh"], input=text, text=True, check=False, timeout=30)
        (file,) = exported.glob("*.prom")
        return file.read_text()

    return run


def test_report_is_replaced(script):
    assert script(f"echo '{REPORT} 1'") == f"{REPORT} 1\n"
    assert script(f"echo '{REPORT} 0'; exit 1") == f"{REPORT} 0\n"


@pytest.mark.parametrize(
    "doctor", ["exit 1", "echo 'oidc_logout_doctor_findings{code='; kill -9 $$"]
)
def test_report_stays_if_the_doctor_cannot_run(script, doctor):
    script(f"echo '{REPORT} 1'")
    assert script(doctor) == f"{REPORT} 1\n"
