"""What the documents promise is there: links, commands, versions."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from backoffice import policy
from backoffice.cli import GROUPS
from backoffice.models.product import Product
from tests.browser.draw import file_of
from tests.browser.pictures import PICTURES

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_link_leads_to_a_file(doc: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", doc.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (doc.parent / link).exists()]
    assert missing == []


def test_every_picture_that_is_drawn_is_shown_and_no_other() -> None:
    drawn = {file_of(name, look) for name, looks in PICTURES.items() for look in looks}
    assert {link for doc in DOCS for link in re.findall(r"\(\S*pictures/([^)\s]+)\)", doc.read_text("utf-8"))} == drawn


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_make_command_exists(doc: Path) -> None:
    commands = set(re.findall(r"`make ([a-z-]+)", doc.read_text(encoding="utf-8")))
    assert {command for command in commands if not re.search(rf"^{command}:", MAKEFILE, re.MULTILINE)} == set()


def test_the_index_names_every_document() -> None:
    folder = ROOT / "docs"
    linked = set(re.findall(r"\]\(([^)#\s]+\.md)", (folder / "README.md").read_text(encoding="utf-8")))
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.md")} - {"README.md"} <= linked


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == version


def test_every_command_of_the_makefile_says_what_it_does() -> None:
    public = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)) - {"venv", "venv-dev"}
    assert public == set(re.findall(r"^([a-z-]+):.*## \w", MAKEFILE, re.MULTILINE))


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_command_of_the_makefile_is_documented() -> None:
    public = set(re.findall(r"^([a-z-]+):.*## \w", MAKEFILE, re.MULTILINE))
    assert public == set(re.findall(r"^\| `make ([a-z-]+)` \|", text_of("developers.md"), re.MULTILINE))


def commands(group: click.Command, *above: str) -> Iterator[tuple[str, click.Command]]:
    """Yield each command with what is typed to call it."""
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, *above, name)
    else:
        yield " ".join(above), group


COMMANDS = dict(found for group in GROUPS for found in commands(group, str(group.name)))
SECTIONS = dict(re.findall(r"^### `([a-z -]+)`\n(.*?)(?=^### |\Z)", text_of("operators.md"), re.DOTALL | re.MULTILINE))


def test_every_command_has_a_section() -> None:
    assert SECTIONS.keys() == COMMANDS.keys() | {"db upgrade"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    options = {option for one in COMMANDS[name].params for option in one.opts if option.startswith("--")}
    assert set(re.findall(r"^- `(--[a-z-]+)`: ", SECTIONS[name], re.MULTILINE)) == options
    for argument in (one for one in COMMANDS[name].params if isinstance(one, click.Argument)):
        assert f"`{name} {argument.name.upper() if argument.name else ''}" in SECTIONS[name]


def test_every_right_is_documented(bare: Flask) -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| ([a-z, ]+) \| .+ \|$", text_of("administrators.md"), re.MULTILINE)
    assert {name: tuple(verbs.split(", ")) for name, verbs in rows} == policy.matrix_lines()


def test_every_index_of_the_product_table_is_documented() -> None:
    part = text_of("architecture.md").partition("## Indexes of the product table")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    documented = sorted(name for row in rows for name in re.findall(r"`([a-z_, ]+)`", row))
    table = Product.__table__
    unique = [", ".join(one.columns.keys()) for one in table.constraints if type(one).__name__ == "UniqueConstraint"]  # type: ignore[attr-defined]
    # Kept by hand in the migrations, in the trash and out of it.
    derived = [f"{name}, id" for name in Product.languages_of.values()] * 2
    assert documented == sorted([", ".join(index.columns.keys()) for index in table.indexes] + unique + derived)  # type: ignore[attr-defined]


def test_what_tests_and_tools_read_from_the_environment_is_documented() -> None:
    """Settings have a table of their own; these are read past it."""
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py"), ROOT / "run.py", ROOT / ".ci" / "python"]
    code = "".join(file.read_text(encoding="utf-8") for file in files if file != Path(__file__))
    read = set(re.findall(r"os\.environ(?:\.get\(|\[)\"([A-Z_]+)\"", code)) | set(re.findall(r"\$\{([A-Z]+):-", code))
    read |= set(re.findall(r"^([A-Z]+) \?=", MAKEFILE, re.MULTILINE)) | set(re.findall(r"\$\(([A-Z]+)\)", MAKEFILE))
    read -= set(re.findall(r"^(?:export )?([A-Z]+) :?= ", MAKEFILE, re.MULTILINE)) | {"CURDIR", "FLASK_RUN_FROM_CLI"}
    documents = "".join(doc.read_text(encoding="utf-8") for doc in DOCS)
    assert {"TEST_POSTGRES_URL", "BENCH_ROWS", "PYTHON", "ARGS"} <= read, "the test has gone blind"
    assert {name for name in read if name not in documents} == set()


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_file_that_is_named_is_there(doc: Path) -> None:
    named = re.findall(r"`([\w.*/-]+(?:\.(?:py|toml|txt|in|md)|/))`", doc.read_text(encoding="utf-8"))
    places = (ROOT, ROOT / "backoffice", doc.parent)
    ours = [name for name in named if not name.startswith(("instance/", "/"))]
    assert [name for name in ours if not any(list(place.glob(name)) for place in places)] == []
