"""Brands."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped

from ..extensions import Base
from ..i18n import _l
from .base import Declaration, Resource, column
from .fields import Field, Kind
from .identifiers import Named


class Brand(Named, Resource, Base):
    """Who makes or markets a product."""

    __tablename__ = "brand"
    resource = Declaration(
        name="brand",
        label=_l("Brand"),
        plural=_l("Brands"),
        icon="building-store",
        search=("name", "slug"),
        default_sort="name",
        set_based=True,
    )

    website: Mapped[str | None] = column(
        String(300), Field(label=_l("Website"), kind=Kind.CODE, help=_l("Address with https://."))
    )
    __table_args__ = (Index("ix_brand_name_key", "name_key", "id"),)
