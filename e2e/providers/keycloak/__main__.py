"""Install Keycloak and say where: `python -m e2e.providers.keycloak`."""

import sys

from e2e.providers.keycloak.distribution import Absent, install

try:
    print(install())  # noqa: T201  # for people, and for the log of CI
except Absent as absent:
    sys.exit(f"{absent} is not installed")
