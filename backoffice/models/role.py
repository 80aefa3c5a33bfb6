"""Roles: what their holders may do, where, and with which fields."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, Text
from sqlalchemy.orm import Mapped

from ..extensions import Base
from ..i18n import _l
from .base import Declaration, Resource, association, column
from .category import Category
from .fields import Field, Kind
from .types import BigKey, CodeText, Document

#: The grant that covers every verb of every resource, those of tomorrow included.
EVERYTHING = "*"

#: The key of the role that must always have an active holder.
ADMINISTRATOR = "administrator"

role_category = Table(
    "role_category",
    Base.metadata,
    Column("role_id", BigKey, ForeignKey("role.id"), primary_key=True),
    Column("category_id", BigKey, ForeignKey("category.id"), primary_key=True, index=True),
)


class Role(Resource, Base):
    """A set of grants such as `product:update`.

    `categories` limits the role to those subtrees; none means no limit. `hidden_fields` are not shown and
    `locked_fields` not changed, each as `product.cost`.
    """

    __tablename__ = "role"
    resource = Declaration(
        name="role",
        label=_l("Role"),
        plural=_l("Roles"),
        group="people",
        icon="shield",
        key="key",
        search=("name", "key"),
        default_sort="id",
        verbs=(),
    )

    key: Mapped[str] = column(
        CodeText,
        Field(label=_l("Key"), kind=Kind.CODE, required=True, unique=True, max_length=64),
        unique=True,
    )
    name: Mapped[str] = column(String(120), Field(label=_l("Name"), kind=Kind.TEXT, required=True, max_length=120))
    description: Mapped[str | None] = column(
        Text, Field(label=_l("Description"), kind=Kind.LONG_TEXT, max_length=2000, listed=False)
    )
    grants: Mapped[list[str]] = column(
        Document, Field(label=_l("Rights"), kind=Kind.LIST, listed=False), default=list, nullable=False
    )
    hidden_fields: Mapped[list[str]] = column(
        Document,
        Field(
            label=_l("Hidden fields"),
            kind=Kind.LIST,
            listed=False,
            help=_l("Fields that this role does not see."),
        ),
        default=list,
        nullable=False,
    )
    locked_fields: Mapped[list[str]] = column(
        Document,
        Field(
            label=_l("Locked fields"),
            kind=Kind.LIST,
            listed=False,
            help=_l("Fields that this role sees but does not change."),
        ),
        default=list,
        nullable=False,
    )
    categories: Mapped[list[Category]] = association(
        Field(
            label=_l("Limited to categories"),
            kind=Kind.REFERENCES,
            target="category",
            listed=False,
            help=_l("Nothing chosen: the role reaches the whole catalogue."),
        ),
        secondary=role_category,
        lazy="selectin",
        order_by=Category.id,
    )
