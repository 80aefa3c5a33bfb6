"""The category tree, by materialised path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, Integer, and_, func, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session, relationship

from ..errors import Refused
from ..extensions import Base
from ..i18n import _, _l
from .base import Declaration, Resource, column, resources
from .fields import Field, Kind
from .identifiers import Named
from .types import BigKey, Document, PathText

MAX_DEPTH = 12

#: Key of the lock that serialises changes of the tree; two crossing moves would make a cycle otherwise.
_TREE_LOCK = 7_243_001


class Category(Named, Resource, Base):
    """A node of the tree. `path` is `/1/5/12/`: the keys from the root down to this node."""

    __tablename__ = "category"
    resource = Declaration(
        name="category",
        label=_l("Category"),
        plural=_l("Categories"),
        icon="category",
        search=("name", "slug"),
        default_sort="name",
        scope="id",
    )

    name_i18n: Mapped[dict[str, Any] | None] = column(
        Document,
        Field(
            label=_l("Name in other languages"),
            kind=Kind.MAP,
            entry_prefix="name",
            entry_kind=Kind.TEXT,
            entry_length=300,
            listed=False,
            help=_l("One language a line, such as “fr = Téléphones”."),
        ),
    )
    parent_id: Mapped[int | None] = column(
        BigKey,
        Field(
            label=_l("Parent category"),
            kind=Kind.REFERENCE,
            target="category",
            filtered=True,
            file_name="parent",
        ),
        ForeignKey("category.id"),
    )
    position: Mapped[int] = column(
        Integer,
        Field(
            label=_l("Position"),
            kind=Kind.INTEGER,
            listed=False,
            help=_l("Its place among the categories of the same level."),
        ),
        default=0,
        server_default="0",
        nullable=False,
    )
    path: Mapped[str] = mapped_column(PathText, default="", server_default="")
    depth: Mapped[int] = mapped_column(default=0, server_default="0")

    parent: Mapped[Category | None] = relationship(remote_side="Category.id", lazy="select")

    __table_args__ = (
        Index("ix_category_path", "path"),
        Index("ix_category_parent_id_name_key", "parent_id", "name_key"),
        Index("ix_category_name_key", "name_key", "id"),
    )

    def scope_path(self) -> str | None:
        # A new node has no path yet: it will lie below its parent.
        return self.path or path_of(object_session(self), self.parent_id)

    def settle(self, session: Session) -> None:
        self.settle_name(session)
        self.position = self.position or 0
        if inspect(self).persistent and not self._may_meet_a_twin():
            return
        with session.no_autoflush:
            lock_tree(session)
            twin = session.scalar(
                select(Category.id)
                .where(Category.name_key == self.name_key, Category.trashed_at.is_(None))
                .where(Category.parent_id.is_(None) if self.parent_id is None else Category.parent_id == self.parent_id)
                .where(Category.id != (self.id or 0))
                .limit(1)
            )
        if twin and not self.trashed_at:
            raise Refused(
                _("Name: “%(name)s” stands here already. Choose another name or another parent.", name=self.name),
                "name",
            )

    def _may_meet_a_twin(self) -> bool:
        """Return whether something changed that two categories of one parent must not share, or may come to share."""
        state = inspect(self)
        return any(state.attrs[name].history.has_changes() for name in ("name_key", "parent_id", "trashed_at"))

    def settled(self, session: Session, changed: frozenset[str]) -> None:
        if "parent_id" in changed or not self.path:
            self._take_place(session)
        if "trashed_at" in changed and self.trashed_at:
            self._refuse_if_not_empty(session)
        elif "trashed_at" in changed and self.parent_id:
            # Read anew: the tree is locked by now, and it may have gone there before.
            parent = session.get_one(Category, self.parent_id, populate_existing=True)
            if parent.trashed_at:
                name = session.info["shown_name"](parent)
                raise Refused(_("Its parent “%(name)s” is in the trash. Restore that category first.", name=name))

    def _take_place(self, session: Session) -> None:
        """Write the path of this node and of all below it, as its parent now says."""
        parent = session.get_one(Category, self.parent_id, populate_existing=True) if self.parent_id else None
        if parent and self.path and parent.path.startswith(self.path):
            name = session.info["shown_name"](parent)
            raise Refused(
                _("Parent category: “%(name)s” lies within this category. Choose one outside of it.", name=name),
                "parent_id",
            )
        if parent and parent.trashed_at and not self.trashed_at:
            # It went there while this node was on its way.
            name = session.info["shown_name"](parent)
            raise Refused(
                _("Parent category: “%(name)s” is in the trash. Choose another.", name=name),
                "parent_id",
            )
        old, new = self.path, f"{parent.path if parent else '/'}{self.id}/"
        depth = new.count("/") - 2
        if depth >= MAX_DEPTH:
            raise Refused(
                _("Parent category: the tree is at most %(max)s levels deep. Choose a higher one.", max=MAX_DEPTH),
                "parent_id",
            )
        derive = session.info["derive"]
        if old and old != new:
            deepest = session.scalar(select(func.max(Category.depth)).where(within(Category.path, old)))
            if (deepest or 0) + depth - self.depth >= MAX_DEPTH:
                raise Refused(
                    _("Parent category: the tree is at most %(max)s levels deep. Choose a higher one.", max=MAX_DEPTH),
                    "parent_id",
                )
            derive(
                Category,
                within(Category.path, old) & (Category.id != self.id),
                {
                    "path": new + func.substr(Category.path, len(old) + 1),
                    "depth": Category.depth + (depth - self.depth),
                },
            )
        derive(Category, Category.id == self.id, {"path": new, "depth": depth})
        for record in session.identity_map.values():
            # Its neighbours, which may be many, stay where they are.
            if isinstance(record, Category) and (record is self or _lies_within(record, old)):
                session.expire(record, ["path", "depth"])

    def _refuse_if_not_empty(self, session: Session) -> None:
        if refused := self.held(session, session.info["shown_name"]):
            raise refused

    def held(self, session: Session, shown: Callable[[Resource], str]) -> Refused | None:
        """Return what keeps this category out of the trash, in words: what it holds, called as `shown` says."""
        below = select(Category).where(Category.parent_id == self.id, Category.trashed_at.is_(None))
        if child := session.scalars(below.limit(1)).first():
            return Refused(
                _(
                    "“%(name)s” holds other categories, such as “%(child)s”. Move or delete them first.",
                    name=shown(self),
                    child=shown(child),
                )
            )
        model: Any = resources()["product"]
        filed = select(model).where(model.category_id == self.id, model.trashed_at.is_(None))
        if product := session.scalars(filed.limit(1)).first():
            return Refused(
                _(
                    "“%(name)s” holds products, such as “%(product)s”. Move them to another category first.",
                    name=shown(self),
                    product=shown(product),
                )
            )
        return None


def _lies_within(record: Category, path: str) -> bool:
    loaded = inspect(record).dict.get("path")
    return bool(path and loaded and loaded.startswith(path))


def within(path_column: Any, path: str) -> ColumnElement[bool]:
    """Return the condition that `path_column` lies in the subtree of `path`, itself included.

    `0` is the character after `/`, so [`/1/`, `/10`) holds just what begins with `/1/`.
    """
    return and_(path_column >= path, path_column < f"{path[:-1]}0")


def lock_tree(session: Session) -> None:
    """Let one unit at a time change the tree, until it ends; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_TREE_LOCK)))


def category_of(session: Session | None, key: int | None) -> Category | None:
    """Return the category `key`, held by the session so that a thousand products of it ask once."""
    if session is None or not key:
        return None
    held: dict[int, Category | None] = session.info.setdefault("categories", {})
    if key not in held:
        held[key] = session.get(Category, key)
    return held[key]


def held_category(session: Session, key: int) -> Category | None:
    """Return the category `key`, read anew and held until the unit ends: once for all that is filed there.

    Who trashes it waits for us, or we waited for them; what this unit does to it the record itself shows.
    """
    held: dict[int, Category] = session.info.setdefault("held_categories", {})
    if key not in held:
        lock = {"of": Category, "read": True, "key_share": True}
        found = session.get(Category, key, populate_existing=True, with_for_update=lock)
        if found is None:
            return None
        held[key] = found
    return held[key]


def path_of(session: Session | None, key: int | None) -> str | None:
    """Return the path of the category `key`, None for none."""
    category = category_of(session, key)
    return category.path if category else None
