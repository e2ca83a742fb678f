"""The coverage-guided fuzzer runs, finds no mistake here, and finds deliberate ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.absence import need_package

ROOT = Path(__file__).parents[2]
RUNS = 20_000  # it may do a few more
# What each of these leaves out, the oracle does not.
MISTAKES = {
    "nothing": "pass",
    "the time": "logout_token.LEEWAY = 61",
    "the nonce": "validate = logout_token.validate\n"
    "logout_token.validate = lambda claims, *args, **kwargs: validate("
    "{k: v for k, v in claims.items() if k != 'nonce'}, *args, **kwargs)",
}
RUN = """
from tests.fuzz import atheris_logout_tokens
from django_oidc_logout.tokens import logout_token
{mistake}
atheris_logout_tokens.main({arguments})
"""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_atheris(tmp_path, mistake):
    need_package("atheris", "atheris")
    arguments = [str(tmp_path), f"-runs={RUNS}", "-seed=1"]
    code = RUN.format(mistake=MISTAKES[mistake], arguments=arguments)
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ("and should be" in ended.stdout + ended.stderr) is (mistake != "nothing")
    assert (ended.returncode == 0) is (mistake == "nothing"), ended.stderr[-2000:]
    done = re.search(r"^Done (\d+) runs", ended.stderr, re.MULTILINE)
    assert bool(done and int(done[1]) >= RUNS) is (mistake == "nothing")
