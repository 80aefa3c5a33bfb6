"""What the documents promise is there: links, commands, versions."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_link_leads_to_a_file(doc: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", doc.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (doc.parent / link).exists()]
    assert missing == []


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
