"""Rules about the source text, each a function from a file's content to the places that break it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DELIVERY = ("run.py", "admin_views/", "backoffice/app.py", "backoffice/cli.py", "backoffice/account", "backoffice/api")
DELIVERY += ("backoffice/catalog", "backoffice/web")
# Library: where alone it may be imported.
ONLY_IN = {
    **dict.fromkeys(("boto3", "botocore", "smtplib", "flask_mail", "ldap", "openai"), ("backoffice/backends",)),
    **dict.fromkeys(("flask_admin", "wtforms"), DELIVERY),
    # Their unbound objects stand with those of the other extensions.
    **dict.fromkeys(("flask_login", "flask_wtf"), (*DELIVERY, "backoffice/extensions.py")),
}
# Names of Flask that stand for the request of the moment: below delivery, pass the actor and the value.
REQUEST_NAMES = {"request", "session", "current_user", "login_user", "logout_user"}

Place = tuple[int, str]


def python_files() -> list[str]:
    """Name our Python files, tests and migrations apart."""
    files = [ROOT / "run.py", ROOT / "config.py"]
    files += [path for folder in ("backoffice", "admin_views") for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in files)


def commits(name: str, tree: ast.Module) -> Iterator[Place]:
    """Find a commit, or a transaction opened by hand, outside the one door."""
    if name == "backoffice/writes.py":
        return
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in {"commit", "begin"}:
            yield node.lineno, f".{called.attr}( belongs into backoffice/writes.py"


#: Ways to the driver itself, which no event watches, and to a pass of one's own.
PAST_THE_DOOR = {"raw_connection", "driver_connection", "dbapi_connection", "exec_driver_sql", "Pass"}


def past_the_door(name: str, tree: ast.Module) -> Iterator[Place]:
    """Find a way to the database that the guard does not see, or that gives a connection a pass."""
    if name in ("backoffice/guard.py", "backoffice/writes.py"):
        return
    for node in ast.walk(tree):
        found = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if found in PAST_THE_DOOR:
            yield node.lineno, f"{found} goes past the door: write in writes.unit, read through a session"


def imports(name: str, tree: ast.Module) -> Iterator[Place]:
    """Find a library that is imported where it must not be known."""
    for node in ast.walk(tree):
        for module in _imported(node):
            places = ONLY_IN.get(module.partition(".")[0])
            if places and not name.startswith(places):
                yield node.lineno, f"{module} may be imported only in {', '.join(places)}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module]
    return []


def request_of_the_moment(name: str, tree: ast.Module) -> Iterator[Place]:
    """Find the request, the session or the signed-in person taken from the air below the delivery floor."""
    if name.startswith(DELIVERY):
        return
    for node in ast.walk(tree):
        found: set[str] = set()
        if isinstance(node, ast.ImportFrom) and node.module in {"flask", "flask.globals", "flask_login"}:
            found = {alias.name for alias in node.names} & REQUEST_NAMES
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"flask", "flask_login"}:
            found = {node.attr} & REQUEST_NAMES
        for one in sorted(found):
            yield node.lineno, f"{one} below the delivery floor: pass the actor or the value"


def local_imports(name: str, tree: ast.Module) -> Iterator[Place]:
    """Find an import inside a function: with clean floors none is needed."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node.lineno, "import at the top of the file"


INLINE = {
    r"<[^>]*\son[a-z]+\s*=": "an inline handler dies under our Content-Security-Policy",
    r"<[^>]*\sstyle\s*=": "an inline style is ignored under our Content-Security-Policy: use a class",
    r"<style\b": "a style block is ignored under our Content-Security-Policy: use a style sheet",
    r"javascript:": "a javascript: link dies under our Content-Security-Policy",
    r"<script\b(?![^>]*\ssrc\s*=)(?![^>]*application/(ld\+)?json)": "an inline script dies under our "
    "Content-Security-Policy: load a file",
    r"(src|href|action)\s*=\s*[\"'](https?:)?//[^\"']*\.(js|css|woff2?)\b": "serve it from our own address",
}
UNESCAPED = {
    r"\|\s*safe\b": "what is safe says so in Python, by Markup",
    r"autoescape\s+false": "everything is escaped",
}


def template(name: str, text: str) -> Iterator[Place]:
    """Find what a strict Content-Security-Policy forbids, and text that is not escaped."""
    # Mails know no style sheets.
    rules = UNESCAPED if name.startswith("templates/email/") else INLINE | UNESCAPED
    for pattern, advice in rules.items():
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield text.count("\n", 0, match.start()) + 1, advice


def markup(name: str, tree: ast.Module) -> Iterator[Place]:
    """Find the same in the strings of Python files, of which widgets and formatters make their markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "<" in node.value:
            for pattern, advice in INLINE.items():
                if re.search(pattern, node.value, re.IGNORECASE):
                    yield node.lineno, advice


PHYSICAL = re.compile(
    r"(?:margin|padding|border)-(?:left|right)\b|[;{]\s*(?:left|right)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)\b"
    r"|border-(?:top|bottom)-(?:left|right)-radius"
)


def physical_style(name: str, text: str) -> Iterator[Place]:
    """Find a side named left or right: pages are also read from right to left."""
    for match in PHYSICAL.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, "name the side start or end (logical properties)"
