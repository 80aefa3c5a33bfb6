"""Tags: free words that group products across categories."""

from __future__ import annotations

from sqlalchemy import Index

from ..extensions import Base
from ..i18n import _l
from .base import Declaration, Resource
from .identifiers import Named


class Tag(Named, Resource, Base):
    """A word that any number of products carry."""

    __tablename__ = "tag"
    resource = Declaration(
        name="tag",
        label=_l("Tag"),
        plural=_l("Tags"),
        icon="tags",
        search=("name",),
        default_sort="name",
        set_based=True,
    )
    __table_args__ = (Index("ix_tag_name_key", "name_key", "id"),)
