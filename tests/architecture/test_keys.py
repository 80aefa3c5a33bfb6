"""Each key that a page listens to is in the document of the keys."""

import re
from pathlib import Path

import pytest

from backoffice.web.pages import GO, KEYS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "backoffice" / "static").glob("*.js")}
TEMPLATES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.html"))

#: As events call them -> as people and keyboards do.
CALLED = {"ArrowDown": "↓", "ArrowUp": "↑", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc", " ": "Space"}


def documented() -> set[str]:
    """Return the names of single keys and of combinations, in small letters."""
    spans = re.findall(r"`([^`\n]+)`", DOCUMENT)
    return {name.lower() for span in spans for name in (span, *span.split("+")) if name}


def compared(script: str) -> set[str]:
    """Return the keys that a script compares an event's with."""
    found = re.findall(r'(?:\bkey|\bname)(?:\.toLowerCase\(\))?\s*[!=]==?\s*"([^"]+)"', script)
    for names in re.findall(r"\[([^\]]*)\]\.includes\((?:event\.key|name)\)", script):
        found += re.findall(r'"([^"]+)"', names)
    found += re.findall(r"\b(Arrow(?:Up|Down|Left|Right)|Home|End|PageUp|PageDown):", script)
    return {CALLED.get(name, name).lower() for name in found}


#: What scripts compare names with besides: of an error, a button and an attribute.
NO_KEYS = {"aborterror", "action", "type"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_key_of_a_script_is_documented(name: str) -> None:
    assert compared(SCRIPTS[name]) - documented() - NO_KEYS == set()


def test_the_keys_of_scripts_are_found() -> None:
    assert {"↓", "↑", "enter", "k"} <= compared(SCRIPTS["palette.js"])
    assert {"g", "?"} <= compared(SCRIPTS["keys.js"])
    assert {"esc", "home", "space"} <= compared(SCRIPTS["admin.js"])


def test_each_key_of_a_template_is_documented() -> None:
    declared = [key for keys in re.findall(r'data-key="([^"{]+)"', TEMPLATES) for key in keys.split()]
    assert "/" in declared
    assert {key.lower() for key in declared} <= documented()


def test_the_keys_of_every_page_and_of_the_navigation_are_documented() -> None:
    assert {name.lower() for name, _label in KEYS} <= documented()
    assert [letter for letter in GO.values() if f"| `g` then `{letter}` |" not in DOCUMENT] == []
