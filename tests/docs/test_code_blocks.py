"""Every code block of the README and the documentation is run, in the way of its language.

- python, first line `# settings.py`: a part of the settings of a new site with our README's lines,
  which `...` in a list stands for; Django's checks must find no error.
- python, first line `# urls.py`: `path`, `include` and `admin` are there; it must resolve.
- other python: executed with `request` (of somebody who is signed in), `user` and `id_token`. Views
  that it defines, functions of `request` alone, are called; receivers of our signals are sent to.
  With a first line such as `# mysite/logs.py`, the page's other blocks can import it.
- html: rendered as a template; a first line `{# templates/NAME #}` says in whose place.
- console: lines that begin with `$ ` are read by bash; of `manage.py`, commands and options are
  looked up, and what does no harm is run.
- sh: a script, of which the shell reads the syntax.
- javascript, json, toml, yaml: parsed. text, nginx: only shown.
- What cannot be run has `<!-- not run: REASON -->` above it. Anything else is an error.
"""

from __future__ import annotations

import ast
import inspect
import json
import logging
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth import signals as auth_signals
from django.core import checks
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.http.response import HttpResponseBase
from django.template import engines
from django.test import RequestFactory, override_settings
from django.urls import get_resolver, include, path
from django.views import View

from django_oidc_logout import signals
from django_oidc_logout.codes import EndedCode, OutcomeCode, RejectedCode, SignInCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.outcome import Outcome
from tests.absence import need, need_package
from tests.docs import site
from tests.docs.markdown import PROMPT, Block, all_blocks, blocks_of, pages

# Pages whose blocks are the steps of one walk, which another test takes.
WALKED = {"docs/tutorial.md": "e2e/demo/test_tutorial.py"}
# Not code: what a program says, or the settings of a server that is not ours to run.
SHOWN = {"nginx", "text"}
# Sphinx runs them, and `test_build` Sphinx.
DIRECTIVES = {
    "{eval-rst}",
    "{image}",
    "{literalinclude}",
    "{note}",
    "{raw}",
    "{toctree}",
    "{warning}",
}
MANAGE = re.compile(r"(?:python3? +)?(?:\./)?manage\.py +(.+)")
SHELL_OPERATORS = {"|", "||", "&&", ";", ">", ">>", "<", "&"}
HARMLESS = {"check", "oidc_logout_clear_sessions", "clearsessions"}
ENVIRONMENT = re.compile(r"""environ\[["'](\w+)["']\]""")
TEMPLATE_PATH = re.compile(r"\{# (?:\w+/)*?templates/(\S+) #\}")
MODULE = re.compile(r"# (\w+)/(\w+)\.py$")
LOGGERS = ("", "django", "django_oidc_logout", "mozilla_django_oidc")
SIGNALS = [
    signals.signed_out,
    signals.session_ended,
    signals.logout_token_rejected,
    auth_signals.user_logged_in,
    auth_signals.user_logged_out,
]
RECEIVER = """from django.dispatch import receiver
from django_oidc_logout.signals import session_ended


@receiver(session_ended)
def note(sender, session, reason, **kwargs):
    session.key
"""
PROVIDER_URL = "https://idp.example.com/end-session"


def fail(block: Block, what: str):
    return pytest.fail(f"{block}: {what}", pytrace=False)


def execute(block: Block, namespace: dict) -> dict:
    """Execute Python; a traceback names the line of the page."""
    lines = "\n" * (block.line - 1) + block.text
    code = compile(lines, block.page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    namespace["__name__"] = "documentation"
    try:
        awaited = eval(code, namespace)
        if inspect.iscoroutine(awaited):
            async_to_sync(lambda: awaited)()
    except ModuleNotFoundError as exc:
        if exc.name.startswith(("django.", "django_oidc_logout", "mozilla_django_oidc")):
            raise
        need(None, f"{exc.name}, which {block} imports,")
    return namespace


def run_settings(block: Block, monkeypatch) -> None:
    for name in ENVIRONMENT.findall(block.text):
        monkeypatch.setenv(name, "from the environment")
    usual = {"INSTALLED_APPS": site.INSTALLED_APPS, "MIDDLEWARE": site.MIDDLEWARE}
    namespace = {name: list(value) for name, value in usual.items()}
    namespace["OIDC_LOGOUT_PROVIDERS"] = {"default": {"ISSUER": "https://idp.example.com"}}
    execute(block, namespace)
    values = {
        name: site.filled(value, usual.get(name, []))
        for name, value in namespace.items()
        if name.isupper()
    }
    for app in values.get("INSTALLED_APPS", []):
        need_package(app.partition(".")[0], f"{app}, which {block} installs,")
    with override_settings(**values):
        require_no_error(block)


def run_urls(block: Block) -> None:
    listed = []

    def noted(*args, **kwargs):
        listed.append(path(*args, **kwargs))
        return listed[-1]

    namespace = {"admin": admin, "include": include, "path": noted, "urlpatterns": []}
    patterns = [p for p in execute(block, namespace)["urlpatterns"] if p is not ...] or listed
    module = ModuleType("documentation_urls")
    module.urlpatterns = patterns
    with override_settings(ROOT_URLCONF=module):
        assert patterns, f"{block}: no URLs"
        assert get_resolver().reverse_dict is not None
        require_no_error(block)


def require_no_error(block: Block) -> None:
    errors = [
        found
        for found in checks.run_checks()
        # What the admin wants of a list that a fragment writes whole is another matter.
        if found.level >= checks.ERROR and not found.id.startswith("admin.E4")
    ]
    if errors:
        fail(block, "\n".join(map(str, errors)))


@pytest.fixture
def signed_in(request):
    """Return the request of somebody who has signed in through the provider."""
    client = request.getfixturevalue("sign_in")()
    answered = RequestFactory().post("/", HTTP_ACCEPT="text/html")
    answered.session = client.session
    answered.user = get_user_model().objects.get()
    answered._dont_enforce_csrf_checks = True
    return answered


@contextmanager
def nothing_left_behind():
    """Remove the receivers, admins and log handlers that a block has registered."""
    registered = dict(admin.site._registry)
    connected = [(signal, list(signal.receivers)) for signal in SIGNALS]
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(list(each.handlers), each.level, each.propagate) for each in loggers]
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate
        admin.site._registry.clear()
        admin.site._registry.update(registered)
        for signal, receivers in connected:
            signal.receivers = receivers
            signal.sender_receivers_cache.clear()


def run_python(block: Block, signed_in, idp) -> None:
    row, user = OIDCSession.objects.get(), signed_in.user
    namespace = {"id_token": idp.id_token(), "request": signed_in, "user": user}
    given = set(namespace)
    execute(block, namespace)
    emit(signed_in, user, row)
    for name in namespace.keys() - given:
        call(block, namespace[name], signed_in)


def emit(request, user, row) -> None:
    """Send our signals so that a receiver's exception is raised."""
    alias = row.provider
    outcome = Outcome(
        provider="unavailable", code=OutcomeCode.PROVIDER_UNAVAILABLE, reason="Why.", alias=alias
    )
    code, used = EndedCode.BY_STAFF, RejectedCode.USED
    recorded = {"session": row, "provider": alias, "code": SignInCode.RECORDED}
    out = {"user": user, "session": row, "outcome": outcome, "handle": "h"}
    ended = {"reason": code.sentence, "code": code, "actor": user, "source": code.source}
    ended |= {"handle": "h"}
    rejected = {"issuer": row.issuer, "provider": alias, "reason": used.sentence, "code": used}
    event = {"provider": alias, "event": "e", "subject": {}, "details": {}}
    signals.signed_in.send(sender=None, request=request, **recorded)
    signals.signed_out.send(sender=None, request=request, **out)
    signals.session_ended.send(sender=OIDCSession, session=row, **ended)
    signals.logout_token_rejected.send(sender=None, **rejected)
    signals.security_event.send(sender=None, **event)


def call(block: Block, defined, request) -> None:
    """Call a view that a block defines."""
    if getattr(defined, "__module__", "") != "documentation":
        return
    if inspect.isclass(defined) and issubclass(defined, View):
        defined = defined.as_view()
    elif not inspect.isfunction(defined) or list(inspect.signature(defined).parameters) != [
        "request"
    ]:
        return
    if inspect.iscoroutinefunction(defined):
        defined = async_to_sync(defined)
    answer = defined(request)
    if not isinstance(answer, HttpResponseBase) or answer.status_code >= 500:
        fail(block, f"{defined} answers {answer!r}")


def run_html(block: Block, rf) -> None:
    named = TEMPLATE_PATH.match(block.first_line)
    name = named[1] if named else "documentation.html"
    request = rf.get("/")
    request.user = get_user_model()(username="ada")
    names = [name]
    if name == "oidc_logout/base.html":
        names += ["oidc_logout/refresh.html", "oidc_logout/confirm.html"]
    with override_settings(**site.settings(**{name: block.text})):
        for each in names:
            page = engines["django"].get_template(each).render({"url": PROVIDER_URL}, request)
            if each == "oidc_logout/refresh.html" and f"0; url={PROVIDER_URL}" not in page:
                fail(block, "the refresh page has lost its redirect")
            if each == "oidc_logout/confirm.html" and "<form" not in page:
                fail(block, "the page that asks has lost its form")


def run_console(block: Block) -> None:
    if not block.commands():
        fail(block, f"a console block has no line that begins with {PROMPT!r}")
    for command in block.commands():
        read_by("bash", block, command)
        if managed := MANAGE.match(command.replace("\\\n", " ")):
            manage(block, managed[1])


def read_by(shell: str, block: Block, script: str) -> None:
    read = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False)
    if read.returncode:
        fail(block, f"{script!r}: {read.stderr}")


def manage(block: Block, line: str) -> None:
    """Check that a command and its options exist; run it if that is harmless."""
    name, *arguments = shlex.split(line, comments=True)
    for at, argument in enumerate(arguments):
        if argument in SHELL_OPERATORS:
            del arguments[at:]
            break
    if name not in get_commands():
        fail(block, f"the command {name!r} does not exist")
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    try:
        command.create_parser("manage.py", name).parse_args(arguments)
    except CommandError as exc:
        fail(block, f"manage.py {line}: {exc}")
    if name in HARMLESS:
        call_command(name, *arguments)


def run_javascript(block: Block, tmp_path) -> None:
    node = need(shutil.which("node"), "node")
    script = tmp_path / "block.mjs"
    script.write_text(block.text)
    checked = subprocess.run([node, "--check", script], text=True, capture_output=True, check=False)
    if checked.returncode:
        fail(block, checked.stderr)


def run_yaml(block: Block) -> None:
    need_package("yaml", "PyYAML")
    import_module("yaml").safe_load(block.text)


@pytest.fixture
def importable(monkeypatch, tmp_path):
    """Return a function that lets the modules which a page shows be imported, while it is read."""

    def add(page: str) -> None:
        for block in all_blocks():
            named = MODULE.match(block.first_line)
            if block.page == page and named and named[2] not in {"settings", "urls"}:
                package = tmp_path / named[1]
                package.mkdir(exist_ok=True)
                (package / f"{named[2]}.py").write_text(block.text)
                monkeypatch.syspath_prepend(tmp_path)

    before = set(sys.modules)
    yield add
    for name in set(sys.modules) - before:
        if is_relative(sys.modules[name], tmp_path):
            del sys.modules[name]


def is_relative(module: ModuleType, folder: Path) -> bool:
    paths = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
    return any(Path(path).is_relative_to(folder) for path in paths if path)


def run_fragments(block: Block, request) -> None:
    """Run Python; set up fixtures only if they are needed."""
    request.getfixturevalue("importable")(block.page)
    for part in block.fragments():
        if part.first_line.endswith("settings.py"):
            run_settings(part, request.getfixturevalue("monkeypatch"))
        elif part.first_line.endswith("urls.py"):
            run_urls(part)
        else:
            run_python(part, *map(request.getfixturevalue, ("signed_in", "idp")))


RUNNERS = {
    "console": lambda block, _: run_console(block),
    "html": lambda block, request: run_html(block, request.getfixturevalue("rf")),
    "javascript": lambda block, request: run_javascript(block, request.getfixturevalue("tmp_path")),
    "json": lambda block, _: json.loads(block.text),
    "python": run_fragments,
    "sh": lambda block, _: read_by("sh", block, block.text),
    "toml": lambda block, _: tomllib.loads(block.text),
    "yaml": lambda block, _: run_yaml(block),
}


def run(block: Block, request) -> None:
    """Run a block in the way of its language."""
    if not block.language:
        fail(block, "say the language of the block, or ```text")
    elif runner := RUNNERS.get(block.language):
        with nothing_left_behind():
            runner(block, request)
    elif block.language not in SHOWN | DIRECTIVES:
        fail(block, f"nothing here can run {block.language!r}")


def test_markdown_can_be_read():
    need_package("markdown_it", "markdown-it-py")


@pytest.mark.usefixtures("_site")
@pytest.mark.django_db
@pytest.mark.parametrize(
    "block",
    [block for block in all_blocks() if block.page not in WALKED and not block.not_run],
    ids=str,
)
def test_block(block, request):
    run(block, request)


@pytest.mark.usefixtures("_site")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("python", "sign_out(request)", "sign_out"),
        ("python", "def leave(request):\n    return 1 / 0", "division"),
        ("python", "def leave(request):\n    return None", "answers None"),
        ("python", "import django_oidc_logout.nowhere", "nowhere"),
        ("python", RECEIVER, "key"),
        ("python", "# settings.py\nOIDC_LOGOUT_GET = 'perhaps'", "OIDC_LOGOUT_GET"),
        ("python", "# settings.py\nINSTALLED_APPS = ['django_oidc_logout']", "auth"),
        ("python", "# urls.py\nurlpatterns = []", "no URLs"),
        ("python", "# urls.py\npath('oidc/', include('django_oidc_logout.nowhere'))", "nowhere"),
        ("html", "{% load oidc_logout %}{% oidc_logout_link %}", "oidc_logout_link"),
        ("html", "{% url 'oidc_logout:nowhere' %}", "nowhere"),
        (
            "html",
            "{# templates/oidc_logout/base.html #}\n{% block content %}{% endblock %}",
            "redir",
        ),
        ("console", "python manage.py check", "no line that begins"),
        ("console", "$ echo 'unfinished", "unexpected EOF"),
        ("console", "$ python manage.py oidc_logout_clear_session", "does not exist"),
        ("console", "$ python manage.py oidc_logout_clear_sessions --dry-run", "--dry-run"),
        ("sh", "if true; then", "nexpected|end of file"),
        ("json", '{"next": }', "Expecting value"),
        ("toml", "next = ", "Invalid value"),
        ("", "anything", "say the language"),
        ("cobol", "STOP RUN.", "nothing here can run 'cobol'"),
    ],
)
def test_a_block_that_is_wrong_is_found(language, text, said, request):
    block = Block(page="page.md", line=1, language=language, text=text + "\n")
    with pytest.raises((Exception, pytest.fail.Exception), match=said):
        run(block, request)


def test_a_reason_stands_above_a_block_that_is_not_run():
    need_package("markdown_it", "markdown-it-py")
    fence = "```python\n1 / 0\n```\n"
    first, second = blocks_of(f"<!-- not run: it cannot be -->\n{fence}\n{fence}")
    assert (first.not_run, second.not_run) == ("it cannot be", "")
    assert (first.line, second.line) == (3, 7)


@pytest.mark.parametrize("page", WALKED)
def test_pages_that_are_walked_are_there(page):
    root = pages()[0].parent
    assert root.joinpath(page).is_file()
    assert root.joinpath(WALKED[page]).is_file()
