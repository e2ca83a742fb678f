"""The report for Prometheus: the text that its node exporter reads from a file."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .reports import Report

NAME = "oidc_logout_doctor_findings"
RUN = "oidc_logout_doctor_run_timestamp_seconds"
VERIFIED = "oidc_logout_stream_verified_timestamp_seconds"


def lines(report: Report) -> Iterator[str]:
    """Yield the lines of the exposition format: findings by provider, code and status.

    The times show whether the doctor still runs, and whether a stream is still verified, because
    Prometheus keeps reading an old file.
    """
    counts = Counter(("", finding.id, finding.status) for finding in report.site)
    for each in report.providers:
        counts.update((each.options.alias, found.id, found.status) for found in each.findings)
    yield f"# HELP {NAME} What oidc_logout_doctor found."
    yield f"# TYPE {NAME} gauge"
    for (alias, code, status), count in sorted(counts.items()):
        labels = f'provider="{_escaped(alias)}",code="{code}",status="{status}"'
        yield f"{NAME}{{{labels}}} {count}"
    verified = {each.options.alias: each.verified_at for each in report.providers}
    if any(at is not None for at in verified.values()):
        yield f"# HELP {VERIFIED} When the stream of security events was last verified, or 0."
        yield f"# TYPE {VERIFIED} gauge"
    for alias, at in verified.items():
        if at is not None:
            yield f'{VERIFIED}{{provider="{_escaped(alias)}"}} {int(at)}'
    yield f"# HELP {RUN} When oidc_logout_doctor ran."
    yield f"# TYPE {RUN} gauge"
    yield f"{RUN} {int(time.time())}"
    yield "# HELP oidc_logout_doctor_ok Whether oidc_logout_doctor found no error."
    yield "# TYPE oidc_logout_doctor_ok gauge"
    yield f"oidc_logout_doctor_ok {int(report.ok)}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
