"""The pages of tags."""

from __future__ import annotations

from backoffice.i18n import _l
from backoffice.models.tag import Tag

from .base import ResourceView, Words


class TagView(ResourceView):
    """Free words that group products."""

    model = Tag
    place = (4, "tag")
    words = Words(
        _l("No tags yet."),
        _l("No tags match %(held)s."),
        _l("Add tag"),
        _l("Add the first one."),
        _l("Search tags"),
    )
