"""Every text is translated into every language, with the placeholders that it has."""

from __future__ import annotations

import gettext
from types import ModuleType

import pytest
from babel.messages import Message

from tests.tools import load


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """Return the tool that keeps the catalogues."""
    return load("translations")


@pytest.mark.parametrize("language", ["fr", "de", "es", "ar"])
def test_a_catalogue_is_complete_and_true(tool: ModuleType, language: str) -> None:
    assert list(tool.problems(language)) == []


FAULTS = [
    (Message("Save", ""), 1, "is not translated"),
    (Message("%(name)s saved", "enregistré"), 1, "other placeholders"),
    (Message("%(name)s saved", "%(nom)s enregistré"), 1, "other placeholders"),
    (Message("%(name)s saved", "%(name)s %(name) enregistré"), 1, "broken placeholder"),
    (Message("Save", "Enregistrer", flags=["fuzzy"]), 1, "fuzzy"),
    (Message((" %(num)s row", " %(num)s rows"), ("%(num)s ligne", "%(num)s lignes")), 2, "spaces"),
    (Message(("%(num)s row", "%(num)s rows"), ("a", "b")), 6, "6 plural forms"),
]


@pytest.mark.parametrize(("message", "forms", "fault"), FAULTS)
def test_a_fault_is_found(tool: ModuleType, message: Message, forms: int, fault: str) -> None:
    assert any(fault in found for found in tool.faults(message, forms))


def test_what_may_be_said_in_words_is_none(tool: ModuleType) -> None:
    message = Message(
        ("%(num)s row", "%(num)s rows"), ("لا صفوف", "صف", "صفان", "%(num)s صفوف", "%(num)s صفا", "%(num)s صف")
    )
    assert list(tool.faults(message, 6)) == []


@pytest.mark.parametrize("text", ["Prix : 3", "Prix\u00a0: 3", "Quitter ?", "« Prix »", "«\u202fPrix »"])
def test_a_french_mark_that_may_be_torn_from_its_word_is_found(tool: ModuleType, text: str) -> None:
    assert tool.loose(Message("Price", text))
    assert not tool.loose(Message("Price", text.replace(" ", "\u202f").replace("\u00a0", "\u202f")))


#: Three to ten take the plural, eleven to ninety-nine the accusative, full hundreds the genitive.
COUNTED = {3: "عناصر", 10: "عناصر", 11: "عنصرًا", 99: "عنصرًا", 100: "عنصر", 102: "عنصر", 103: "عناصر", 111: "عنصرًا"}


@pytest.mark.parametrize(("number", "noun"), COUNTED.items())
def test_arabic_counts_in_its_own_forms(tool: ModuleType, number: int, noun: str) -> None:
    with tool.path_of("ar", "mo").open("rb") as stream:
        said = gettext.GNUTranslations(stream).ngettext("%(num)s restored.", "%(num)s restored.", number)
    assert said.split() == ["استُعيدت" if noun == "عناصر" else "استُعيد", "%(num)s", f"{noun}."]
