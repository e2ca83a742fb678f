"""Start the provider for a site of your own: `python -m django_oidc_logout.demo`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from .agreed import PROVIDER, SITES, VAR, port
from .processes import DemoError, agreement, provider_server
from .run import Run, addresses, people, where_logs_are

TEXT = """
{addresses}

  It knows a site at {site.url}
    client id      {site.client_id}
    client secret  {site.client_secret}

  Sign in as
{people}

  Ctrl-C ends it.{logs}
"""


def main() -> None:
    """Start the provider, print its address, and stop it on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m django_oidc_logout.demo", description=__doc__)
    parser.add_argument("--idp-port", type=port, default=PROVIDER.port, help="of the provider")
    parser.add_argument("--site-port", type=port, default=SITES[0].port, help="of your site")
    parser.add_argument("--verbose", action="store_true", help="print the log")
    options = parser.parse_args()
    site, other = replace(SITES[0], port=options.site_port), SITES[1]
    provider = replace(PROVIDER, port=options.idp_port)
    server = provider_server(
        provider,
        environment=agreement([site, other], provider, VAR),
        log=None if options.verbose else VAR / "idp.log",
    )
    text = TEXT.format(
        addresses=addresses([server]), site=site, people=people(), logs=where_logs_are([server])
    )
    try:
        Run([server]).go(lambda: print(text, flush=True))
    except DemoError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
