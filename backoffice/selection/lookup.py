"""Looking up records for reference fields, by the beginnings of their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, null, select
from sqlalchemy.orm import Session

from .. import policy
from ..backends import search
from ..models.base import Resource, references_to
from ..models.category import Category
from ..models.house import in_language
from ..models.search_entry import words
from ..policy import Actor
from .filters import subtree
from .rights import askable, seen_at
from .searching import NOWHERE, begins, exact, part_of

MAX_FOUND = 50
ARROW = " › "


@dataclass(frozen=True)
class Found:
    """A record to choose: its key, what names it, and what tells it from its namesakes."""

    id: int
    label: str
    detail: str = ""


def look_up(
    session: Session, model: type[Resource], actor: Actor, text: str, limit: int = 20, language: str = ""
) -> list[Found]:
    """Return at most 50 live records of `model` within the actor's reach whose words begin with those of `text`.

    For a category the words may name its parents too, in any language: “pho cas” finds “Phones › Cases”. It is named in
    `language` where it can be.
    """
    limit = max(1, min(limit, MAX_FOUND))
    text = " ".join("".join(char for char in text[:200] if char.isprintable()).split())
    seen = _seen(actor, model)
    if not seen:
        return []
    statement = policy.referable(actor, select(model).where(model.trashed_at.is_(None)), model)
    if words(text):
        statement = statement.where(_answers(session, model, actor, text, seen))
    elif text:
        statement = statement.where(exact(model, text, seen))
    records = list(session.scalars(statement.order_by(*_best_first(model, text, seen)).limit(limit)).unique())
    if model is Category:
        return _categories(session, actor, records, seen, language)
    return [_found(record, seen) for record in records]


def _seen(actor: Actor, model: type[Resource]) -> frozenset[str]:
    """Return the fields of `model` by which `actor` may look for a record to refer to."""
    seen = askable(actor, model)
    if seen or not model.resource.referable:
        return seen
    pointing = ((other.resource.name, field.name) for other, field in references_to(model))
    sets = any(policy.allows(actor, verb, name, field=key) for name, key in pointing for verb in ("create", "update"))
    return frozenset({model.resource.title, *model.resource.search}) if sets else frozenset()


def trails(session: Session, actor: Actor, paths: Mapping[int, str], language: str = "") -> dict[int, str]:
    """Return for each category of `paths` the names of its parents within reach and its own: “Phones › Cases”.

    Names stand in `language` where they have been translated and the actor sees it, else in the source language. Names
    that the actor does not see where they stand are left out, and so is a category whose own name is one of them.
    """
    steps = {key: [int(step) for step in path.split("/") if step] for key, path in paths.items()}
    wanted = {step for own in steps.values() for step in own}
    translations = Category.name_i18n if language else null()
    told = select(Category.id, Category.path, Category.name, translations)
    rows = session.execute(told.where(Category.id.in_(sorted(wanted)), policy.condition(actor, Category)))
    seen, names = seen_at(actor, Category), {}
    for key, path, name, translated in rows:
        shown = seen(path)
        if "name" in shown:
            names[key] = in_language(name, translated if "name_i18n" in shown else None, language)
    return {key: ARROW.join(names[step] for step in own if step in names) for key, own in steps.items() if key in names}


def _categories(session: Session, actor: Actor, records: list[Any], seen: frozenset[str], language: str) -> list[Found]:
    named = trails(session, actor, {record.id: record.path for record in records}, language)
    slugs = {record.id: record.slug for record in records} if "slug" in seen else {}
    return [Found(record.id, named.get(record.id, f"#{record.id}"), slugs.get(record.id, "")) for record in records]


def _found(record: Resource, seen: frozenset[str]) -> Found:
    title, key = record.resource.title, record.resource.key
    label = str(getattr(record, title)) if title in seen and getattr(record, title) else f"#{record.id}"
    detail = str(getattr(record, key)) if key != title and key in seen else ""
    return Found(record.id, label, detail)


def _answers(
    session: Session, model: type[Resource], actor: Actor, text: str, seen: frozenset[str]
) -> ColumnElement[bool]:
    part = part_of(model, seen)
    if part == NOWHERE:
        return begins(model, text, seen) | exact(model, text, seen)
    if model is Category:
        return _along_the_path(session, actor, text, part)
    return model.id.in_(_entries(session, model, text, search.HEADING))


def _entries(session: Session, model: type[Resource], text: str, part: str | None) -> Select[int]:
    dialect = session.get_bind().dialect.name
    found = search.matches(dialect, model.resource.name, text, part, beginnings=True)
    assert found is not None  # noqa: S101 - the caller saw words
    return found


def _along_the_path(session: Session, actor: Actor, text: str, part: str | None) -> ColumnElement[bool]:
    """Return the condition that the last word begins one of the category's own, and each other word one on its path.

    Only names within reach count: what is found by another one would tell that name.
    """
    *others, last = words(text)[: search.MAX_QUERY_WORDS]
    condition: ColumnElement[bool] = Category.id.in_(_entries(session, Category, last, part))
    for word in others:
        named = select(Category.path).where(
            Category.id.in_(_entries(session, Category, word, part)),
            Category.trashed_at.is_(None),
            policy.condition(actor, Category),
        )
        paths = list(session.scalars(named.order_by(Category.path).limit(200)))
        condition = condition & subtree(Category.path, paths)
    return condition


def _best_first(model: type[Resource], text: str, seen: frozenset[str]) -> list[Any]:
    """Return the order of what is found: the code itself, names that begin so, the others by name."""
    name: Any = getattr(model, "name_key", getattr(model, model.resource.title, model.id))
    if not text:
        return [name, model.id]
    return [case((exact(model, text, seen), 0), (begins(model, text, seen), 1), else_=2), name, model.id]
