"""The rules hold for every source file, and each rule does find what it is for."""

import ast
from collections.abc import Callable

import pytest

from tests.architecture import rules

FILES = rules.python_files()
TREES = {name: ast.parse((rules.ROOT / name).read_text(encoding="utf-8")) for name in FILES}
TEMPLATES = sorted(path.relative_to(rules.ROOT).as_posix() for path in (rules.ROOT / "templates").rglob("*.*"))
OWN_STATIC = [path for path in (rules.ROOT / "backoffice" / "static").rglob("*") if "vendor" not in path.parts]
STYLES = sorted(path.relative_to(rules.ROOT).as_posix() for path in OWN_STATIC if path.suffix == ".css")


@pytest.mark.parametrize(
    "rule",
    [rules.commits, rules.past_the_door, rules.imports, rules.request_of_the_moment, rules.local_imports, rules.markup],
)
def test_python_files_keep_the_rule(rule: Callable) -> None:
    assert [f"{name}:{line}: {advice}" for name in FILES for line, advice in rule(name, TREES[name])] == []


def test_templates_keep_the_content_security_policy() -> None:
    broken = _broken(rules.template, TEMPLATES)
    assert broken == []


def test_styles_name_no_side_left_or_right() -> None:
    assert _broken(rules.physical_style, STYLES) == []


def _broken(rule: Callable, names: list[str]) -> list[str]:
    texts = {name: (rules.ROOT / name).read_text(encoding="utf-8") for name in names}
    return [f"{name}:{line}: {advice}" for name, text in texts.items() for line, advice in rule(name, text)]


@pytest.mark.parametrize(
    ("rule", "name", "code"),
    [
        (rules.commits, "backoffice/operations/products.py", "db.session.commit()"),
        (rules.commits, "admin_views/base.py", "with engine.begin() as connection: pass"),
        (rules.past_the_door, "backoffice/operations/products.py", "db.engine.raw_connection().cursor()"),
        (rules.past_the_door, "backoffice/bulk.py", "session.connection().connection.driver_connection"),
        (rules.past_the_door, "admin_views/base.py", "guard.Pass(open=1)"),
        (rules.imports, "backoffice/operations/images.py", "import boto3"),
        (rules.imports, "backoffice/app.py", "from smtplib import SMTP"),
        (rules.request_of_the_moment, "backoffice/policy.py", "from flask import request"),
        (rules.request_of_the_moment, "backoffice/policy.py", "import flask\nflask.request.args"),
        (rules.request_of_the_moment, "backoffice/writes.py", "from flask_login import current_user"),
        (rules.imports, "backoffice/models/product.py", "from wtforms.fields import StringField"),
        (rules.local_imports, "backoffice/app.py", "def late():\n    import json"),
        (rules.markup, "admin_views/columns.py", "link = f'<a onclick=\"go({id})\">'"),
        (rules.markup, "admin_views/columns.py", "bar = '<b style=\"color: red\">'"),
    ],
)
def test_the_rule_finds_what_breaks_it(rule: Callable, name: str, code: str) -> None:
    assert list(rule(name, ast.parse(code)))


@pytest.mark.parametrize(
    ("rule", "name", "code"),
    [
        (rules.commits, "backoffice/writes.py", "session.commit()"),
        (rules.commits, "backoffice/operations/products.py", "with session.begin_nested(): pass"),
        (rules.past_the_door, "backoffice/writes.py", "guard.Pass()"),
        (rules.imports, "backoffice/backends/storage.py", "import boto3"),
        (rules.imports, "admin_views/product.py", "from flask import request\nfrom flask_login import current_user"),
        (rules.request_of_the_moment, "backoffice/policy.py", "from flask import Flask, current_app"),
        (rules.request_of_the_moment, "backoffice/api/products.py", "from flask import request"),
        (rules.local_imports, "backoffice/app.py", "import json"),
        (rules.markup, "admin_views/columns.py", 'link = \'<a href="/admin/" data-online="1">\''),
    ],
)
def test_the_rule_lets_the_rest_pass(rule: Callable, name: str, code: str) -> None:
    assert list(rule(name, ast.parse(code))) == []


@pytest.mark.parametrize(
    "text",
    [
        '<a href="#" onclick="go()">',
        '<p class="a"\n style="color: red">',
        "<style>p {}</style>",
        '<a href="javascript:void(0)">',
        "<script>go()</script>",
        '<script nonce="x">go()</script>',
        '<script src="https://cdn.example.org/a.js"></script>',
        "{{ text|safe }}",
        "{{ text | safe }}",
        "{% autoescape false %}",
    ],
)
def test_forbidden_markup_is_found(text: str) -> None:
    assert list(rules.template("templates/admin/list.html", text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("templates/admin/list.html", '<script src="/static/admin.js" defer></script>'),
        ("templates/catalog/product.html", '<script type="application/ld+json">{{ data|tojson }}</script>'),
        ("templates/admin/list.html", '<option selected value="1"> {{ condition }}'),
        ("templates/email/invitation/body.html", '<p style="margin: 0">'),
    ],
)
def test_allowed_markup_passes(name: str, text: str) -> None:
    assert list(rules.template(name, text)) == []


@pytest.mark.parametrize("text", ["a { margin-left: 1px }", "a{left:0}", "a { color: red;\n  text-align: right; }"])
def test_a_physical_side_is_found(text: str) -> None:
    assert list(rules.physical_style("admin.css", text))


def test_a_logical_side_passes() -> None:
    assert list(rules.physical_style("admin.css", "a { margin-inline-start: 1px; inset-inline-start: 0; }")) == []
