"""How Sphinx makes the documentation: `sphinx-build -W -n -b html docs build/docs`.

Nothing is fetched: it builds on a machine without a network.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

# The reference is taken from the code, and models want an installed app.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "mozilla_django_oidc",
        "django_oidc_logout",
    ],
    OIDC_LOGOUT_PROVIDERS={"default": {"ISSUER": "https://idp.example.com"}},
    # For whoever reads them with Django's own class views.
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SECRET_KEY="documentation",  # noqa: S106  # it keeps no secret
    USE_TZ=True,
)
django.setup()

project = "django-oidc-logout"
author = "The django-oidc-logout contributors"
project_copyright = author
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
copybutton_exclude = ".linenos, .gp, .go"  # neither the prompt nor what a program says
exclude_patterns = ["_static"]
# A shell command whose quotes span lines is too much for the lexer of consoles, not for a shell.
suppress_warnings = ["misc.highlighting_failure"]
default_role = "code"  # docstrings write names as Markdown does

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "html_image"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 72
napoleon_numpy_docstring = False

nitpicky = True
# Other projects' names and Python's own, which only their documentation, on the network, explains.
nitpick_ignore_regex = [(r"py:.*", r"(?!django_oidc_logout).*")]

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_favicon = "_static/logo.svg"
html_logo = "_static/logo.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "tango"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b57b4",
        "color-brand-content": "#0b57b4",
        "color-brand-visited": "#0b57b4",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cb7ff",
        "color-brand-content": "#7cb7ff",
        "color-brand-visited": "#7cb7ff",
    },
}


def link_to_public_name(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    """Link a class's own module to the package that re-exports it, such as `providers`."""
    public = re.sub(r"(\.(?:admin|providers))\.\w+(?=\.[A-Z])", r"\1", node["reftarget"])
    if public == node["reftarget"]:
        return None
    python = env.get_domain("py")
    return python.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], public, node, content
    )


def setup(app: Sphinx) -> None:
    """Connect the handlers.

    Napoleon takes the text before a colon for a type, so attributes keep their own docstrings.
    """
    app.connect("missing-reference", link_to_public_name)
    said: dict[str, list[str]] = {}

    def keep(_app: object, what: str, name: str, *others: object) -> None:
        if what == "attribute":
            said[name] = list(others[-1])

    def restore(_app: object, _what: str, name: str, *others: object) -> None:
        if name in said:
            others[-1][:] = said.pop(name)

    app.connect("autodoc-process-docstring", keep, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
