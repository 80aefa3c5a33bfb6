"""What a page reads does not grow with the catalogue, and neither do its statements.

`make size` asks all of it of a million products; SIZE_PRODUCTS and SIZE_DATABASE_URL choose another catalogue.
"""

from __future__ import annotations

import os

import pytest

from .measure import dearest, measure
from .questions import QUESTIONS, Question
from .world import World

# In one process: each would fill a catalogue of its own.
pytestmark = pytest.mark.xdist_group("size")

ASKED = [question for question in QUESTIONS if question.often or "SIZE_PRODUCTS" in os.environ]


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
def test_a_page_reads_little(question: Question, large: World, small: World) -> None:
    question.ask_once(large)
    cost = measure(large.engine, lambda session: question.ask(large, session))
    assert cost.found or not question.steady, "nothing is found here, which costs nothing anywhere"
    assert cost.total <= question.most, dearest(large.engine, cost)
    if question.steady:
        question.ask_once(small)
        few = measure(small.engine, lambda session: question.ask(small, session), explained=False)
        ran, runs = ([statement.text for statement in one.statements] for one in (cost, few))
        assert len(ran) == len(runs), "\n\n".join([f"{len(ran)} statements, and {len(runs)} of few products:", *ran])
