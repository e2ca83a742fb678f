"""A site of the tests as a process of its own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from django_oidc_logout.demo.processes import Server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NO_PROXY = {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}


def server(
    own: Mapping[str, Any],
    *,
    settings: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Return the server of a site.

    Args:
        own: its `port`, `client_id` and `client_secret`; the `metadata` of its provider, or just
            the issuer; and whether it `forgets` a step of the configuration.
        settings: the module of its settings.
        folder: of its database and its log.
        environment: more variables.
    """
    port = own["port"]
    site = {"forgets": False, "issuer": own["metadata"]["issuer"], **own}
    return Server(
        name=f"the site {own['client_id']}",
        url=f"http://localhost:{port}",
        command=[sys.executable, "-m", "e2e.sites", f"127.0.0.1:{port}"],
        environment={
            **NO_PROXY,
            "DATABASE": str(folder / f"{port}.sqlite3"),
            "DJANGO_SETTINGS_MODULE": settings,
            "SITE": json.dumps(site),
            **(environment or {}),
        },
        port_option="",
        log=folder / f"{port}.log",
    )
