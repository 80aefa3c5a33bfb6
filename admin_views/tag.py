"""The pages of tags."""

from __future__ import annotations

from backoffice.models.tag import Tag

from .base import ResourceView


class TagView(ResourceView):
    """Free words that group products."""

    model = Tag
    place = (4, "tag")
