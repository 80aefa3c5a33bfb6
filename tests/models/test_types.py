"""Folded text: what sorting and searching compare."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.models.types import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Walnut 40 CM", "walnut 40 cm"),
        ("Crêpe ÉCUME", "crepe ecume"),
        ("Straße", "strasse"),
        ("Murmelaro™", "murmelarotm"),
        ("Nº 5 ℃", "no 5 °c"),
        ("ﬁligree", "filigree"),
        ("بُساط", "بساط"),
    ],
)
def test_case_accents_and_forms_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_every_character_folds_to_what_stays() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    characters = [char for char in every if unicodedata.decomposition(char) or char.casefold() != char]
    assert len(characters) > 5_000
    assert [char for char in characters if fold(fold(char)) != fold(char)] == []


@given(st.text())
def test_folding_twice_equals_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
