"""The reference and the code say the same: names, defaults, arguments, messages."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields

import pytest
from django.apps import apps
from django.dispatch import Signal
from django.test import override_settings

from django_oidc_logout import conf, signals, urls_account
from django_oidc_logout.templatetags import oidc_logout as tags
from tests.docs.markdown import ROOT
from tests.docs.source import PACKAGE, syntax_trees

REFERENCE = ROOT / "docs" / "reference"

# Where what people may use lives; the other rooms are the package's own business.
PUBLIC = (
    "admin",
    "api",
    "backends",
    "codes",
    "exceptions",
    "fields",
    "middleware",
    "models",
    "outcome",
    "providers",
    "sites",
    "views",
)
# Classes whose members people override or read.
WITH_MEMBERS = {
    "django_oidc_logout.outcome.Outcome",
    "django_oidc_logout.providers.EndSessionRequest",
    "django_oidc_logout.providers.OIDCProvider",
}
# Public to the package's other rooms only.
INTERNAL = {f"django_oidc_logout.fields.{name}" for name in ("decrypt", "digest", "encrypt")} | {
    "django_oidc_logout.models.name_of"
}


def text_of(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text()


def rows(text: str) -> list[list[str]]:
    """Return the cells of the rows of a page's tables, heads included."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def sections(text: str, level: int) -> dict[str, str]:
    """Return the sections that are headed by a name in code."""
    found = re.split(rf"^#{{{level}}} `([^`]+)`$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def calls() -> list[tuple[str, ast.Call]]:
    return [
        (name, node)
        for name, tree in syntax_trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def defined(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Return the public names that a module or class defines."""
    found = {}
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = node
    return {name: node for name, node in found.items() if not name.startswith("_")}


def exported(trees: dict[str, ast.Module], module: str) -> dict[str, ast.stmt]:
    """Return what a module defines, or what the `__init__` of a package imports from it."""
    if module in trees:
        return defined(trees[module].body)
    return {
        alias.name: defined(trees[f"{module}.{node.module}"].body)[alias.name]
        for node in trees[f"{module}.__init__"].body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def public_names() -> list[str]:
    trees, names = syntax_trees(), []
    for room in PUBLIC:
        module = f"django_oidc_logout.{room}"
        for name, node in exported(trees, module).items():
            names.append(f"{module}.{name}")
            if names[-1] in WITH_MEMBERS:
                names += [f"{names[-1]}.{member}" for member in defined(node.body)]
    return sorted({*names} - INTERNAL)


class TestSettings:
    PAGE = text_of("settings")
    SETTINGS = sections(PAGE, 2)
    KEYS = sections(PAGE, 3)

    @staticmethod
    def literals(section: str) -> list[object]:
        """Return the values in the line with the default."""
        found = []
        for code in in_code(re.search(r"^- \*\*Default:\*\* (.+)$", section, re.M)[1]):
            try:
                found.append(ast.literal_eval(code))
            except (SyntaxError, ValueError):
                continue
        return found

    def test_each_setting_is_there(self):
        names = [name for name in vars(conf.Settings) if name.startswith("OIDC_LOGOUT_")]
        assert list(self.SETTINGS) == names

    def test_each_key_is_there(self):
        assert tuple(self.KEYS) == conf.PROVIDER_KEYS

    @pytest.mark.parametrize("name", [*SETTINGS, *KEYS])
    def test_it_tells_its_type(self, name):
        assert "\n- **Type:** " in {**self.SETTINGS, **self.KEYS}[name]

    @pytest.mark.parametrize("name", [name for name in SETTINGS if name != "OIDC_LOGOUT_PROVIDERS"])
    def test_it_tells_a_settings_default(self, name):
        assert self.literals(self.SETTINGS[name])[-1] == getattr(conf.conf, name)

    @pytest.mark.parametrize("key", [key for key in KEYS if key != "ISSUER"])
    @override_settings(OIDC_LOGOUT_PROVIDERS={"other": {"ISSUER": "https://idp.example.com"}})
    def test_it_tells_a_keys_default(self, key):
        value = getattr(conf.conf.OIDC_LOGOUT_PROVIDERS["other"], key.lower())
        documented = self.literals(self.KEYS[key])[-1]
        assert documented == (list(value) if isinstance(value, tuple) else value)

    @pytest.mark.parametrize("key", [key for key in KEYS if key != "ISSUER"])
    def test_it_tells_which_of_mozillas_settings_is_the_default(self, key):
        line = re.search(r"^- \*\*Default:\*\* (.+)$", self.KEYS[key], re.M)[1]
        named = [code for code in in_code(line) if code.startswith("OIDC_")]
        wanted = {**conf.MOZILLA_DEFAULTS, "algorithms": "OIDC_RP_SIGN_ALGO"}.get(key.lower())
        assert named == ([wanted] if wanted else [])

    def test_of_mozillas_settings_all_that_count_are_named(self):
        assert not [name for name in conf.MOZILLA_DEFAULTS.values() if f"`{name}`" not in self.PAGE]

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("OIDC_LOGOUT_GET", conf.GET_POLICIES),
            ("OIDC_LOGOUT_RESPONSE", conf.RESPONSES),
            ("OIDC_LOGOUT_CLEAR_SITE_DATA", conf.DIRECTIVES),
        ],
    )
    def test_it_tells_the_valid_values(self, name, values):
        assert not [value for value in values if f'`"{value}"`' not in self.SETTINGS[name]]


class TestNames:
    @pytest.mark.parametrize("name", public_names())
    def test_each_public_name_has_an_entry(self, documentation, name):
        assert name in documentation.objects()

    def test_no_room_that_people_use_is_forgotten(self):
        """What the guides import or name by a dotted path is in a room that is checked above."""
        text = "\n".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
        named = set(re.findall(r"(?:from |[\"'`])django_oidc_logout\.(\w+)", text))
        others = {"conf", "contrib", "signals", "urls", "urls_account"}
        permissions = {"delete_oidcsession", "view_oidcsession", "view_sessionevent"}
        assert named <= {*PUBLIC, *others} | permissions

    def test_each_command_is_there(self):
        names = {path.stem for path in (PACKAGE / "management" / "commands").glob("[!_]*.py")}
        assert set(sections(text_of("commands"), 2)) == names


class TestSignals:
    PAGE = sections(text_of("signals"), 2)

    def test_each_is_there(self):
        names = [name for name, value in vars(signals).items() if isinstance(value, Signal)]
        assert list(self.PAGE) == names

    @pytest.mark.parametrize("name", PAGE)
    def test_it_tells_the_arguments_that_are_sent(self, name):
        sent = [
            [keyword.arg for keyword in call.keywords if keyword.arg != "sender"]
            for _, call in calls()
            if ast.unparse(call.func) == f"{name}.send_robust"
            or (ast.unparse(call.func).endswith("announce") and call.args[0].id == name)
        ]
        assert sent
        arguments = [in_code(row[0])[0] for row in rows(self.PAGE[name]) if row[0].startswith("`")]
        documented = [argument for argument in arguments if not argument.endswith(".")]
        assert all(each == documented for each in sent)


@pytest.mark.parametrize("model", [*apps.get_app_config("django_oidc_logout").get_models()])
def test_each_field_of_the_models_is_there(model):
    documented = {}
    for row in rows(sections(text_of("models"), 2)[model.__name__]):
        for name in in_code(row[0]):
            documented[name] = in_code(row[1])[0]
    assert documented == {
        field.name: type(field).__name__ for field in model._meta.fields if field.name != "id"
    }


DOCUMENTED = {in_code(row[1])[0]: row for row in rows(text_of("urls")) if "oidc_logout:" in row[1]}
PATTERNS = {f"oidc_logout:{each.name}": each for each in urls_account.urlpatterns}


class TestURLs:
    def test_each_is_there(self):
        assert list(DOCUMENTED) == list(PATTERNS)

    @pytest.mark.parametrize("name", PATTERNS)
    def test_it_tells_path_and_methods(self, name):
        view = PATTERNS[name].callback.view_class
        allowed = {method for method in view.http_method_names if hasattr(view, method)}
        if "get" in allowed and "head" in view.http_method_names:
            allowed.add("head")
        path, _, methods, _ = DOCUMENTED[name]
        assert in_code(path) == [str(PATTERNS[name].pattern)]
        # HEAD and OPTIONS come with Django's views; the page mentions HEAD where it matters.
        told = {method.lower() for method in methods.split(", ")}
        assert told - {"head"} == allowed - {"head", "options"}
        assert told <= allowed


class TestTemplates:
    PAGE = text_of("templates")
    TAGS = sections(PAGE, 3)

    def test_each_tag_is_there(self):
        assert set(self.TAGS) == set(tags.register.tags)

    @pytest.mark.parametrize("name", TAGS)
    def test_it_tells_a_tags_arguments(self, name):
        parameters = inspect.signature(getattr(tags, name)).parameters.values()
        arguments = {each.name: each.default for each in parameters if each.name != "context"}
        documented = {
            in_code(row[0])[0]: ast.literal_eval(in_code(row[1])[0])
            for row in rows(self.TAGS[name].partition("\n## ")[0])
            if row[0].startswith("`")
        }
        assert documented == arguments

    def test_each_template_is_there(self):
        folder = PACKAGE / "templates"
        names = {str(path.relative_to(folder)) for path in folder.rglob("*.html")}
        documented = {code for row in rows(self.PAGE) for code in in_code(row[0])}
        assert names == {name for name in documented if name.endswith(".html")}

    def test_each_block_is_there(self):
        base = (PACKAGE / "templates" / "oidc_logout" / "base.html").read_text()
        blocks = set(re.findall(r"{% block (\w+) %}", base))
        documented = {code for row in rows(self.PAGE.partition("## Blocks")[2]) for code in row[:1]}
        assert {f"`{block}`" for block in blocks} == documented - {"Block", "---"}


# If the outcome decides the level, the page names the better one first.
LEVELS = {
    "error": "ERROR",
    "exception": "ERROR",
    "info": "INFO",
    "log": "INFO",
    "warning": "WARNING",
}


class TestLogging:
    def messages(self) -> set[tuple[str, str]]:
        found = set()
        for _, call in calls():
            if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "logger":
                message = call.args[1 if call.func.attr == "log" else 0]
                found.add((message.value, LEVELS[call.func.attr]))
        return found

    def test_each_message_is_there(self):
        documented = {
            (in_code(row[0])[0], row[1].partition(";")[0])
            for row in rows(text_of("logging"))
            if row[0].startswith("`")
        }
        assert documented == self.messages()

    def test_there_is_one_logger(self):
        names = {
            ast.unparse(call.args[0])
            for _, call in calls()
            if ast.unparse(call.func) == "logging.getLogger"
        }
        assert names == {"'django_oidc_logout'"}


def test_options_have_no_key_that_the_setting_lacks():
    inherited = {field.name for field in fields(conf.ProviderOptions)} & conf.INHERITED
    page = text_of("providers")
    assert not [name for name in inherited - {"alias"} if f"`{name}`" not in page]
