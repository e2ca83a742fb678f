"""How long to search. `HYPOTHESIS_PROFILE=long` searches longer, with new examples each time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import DirectoryBasedExampleDatabase

HOME = Path(tempfile.gettempdir()) / "django-oidc-logout-hypothesis"
set_hypothesis_home_dir(HOME)  # nothing is kept in the work tree

# Time does not matter here. All examples of a test share its fixtures, so each cleans up.
COMMON = {
    "deadline": None,
    "suppress_health_check": [
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
}
settings.register_profile(
    "default", max_examples=60, stateful_step_count=30, derandomize=True, database=None, **COMMON
)
settings.register_profile(
    "long",
    max_examples=5000,
    stateful_step_count=60,
    print_blob=True,
    database=DirectoryBasedExampleDatabase(HOME / "examples"),
    **COMMON,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def examples(share):
    """Return settings for a test with `share` times as many examples as others."""
    return settings(max_examples=int(settings().max_examples * share))
