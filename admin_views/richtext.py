"""Rich text: a textarea that CKEditor takes over in the browser, and that stays one without a script."""

from __future__ import annotations

import warnings

from markupsafe import Markup

from backoffice.html import sanitise

from .fields import LongTextField

with warnings.catch_warnings():
    # It tells that its own sanitiser needs another library. Ours is backoffice/html.py, and its `create` and its
    # uploader, which trust what they are given, are not used.
    warnings.filterwarnings("ignore", message='The "bleach" library', category=UserWarning)
    from flask_ckeditor import CKEditorField


class RichTextField(LongTextField, CKEditorField):
    """Text with headings, lists and tables; sanitised when it is written."""

    template = "rich_text"

    def _value(self) -> str:
        return self.text

    @property
    def shown(self) -> Markup:
        """Return what the text looks like, for the time until the editor is there."""
        # What a person typed and what was refused has not been sanitised yet.
        return Markup(sanitise(self.text))  # noqa: S704
