"""Form fields, one for each kind of declared field.

A field keeps what the person typed, so that a refused save shows it again. `given` says whether the form held the
field at all: what a form did not show is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any, ClassVar

from babel import Locale
from flask_babel import get_locale, get_timezone
from markupsafe import Markup
from wtforms import Field as WTField
from wtforms.utils import unset_value

from backoffice.errors import Refused
from backoffice.i18n import (
    AmbiguousNumber,
    _,
    language_label,
    language_name,
    parse_decimal,
    within_sentence,
)
from backoffice.models.fields import Field, Kind, written
from backoffice.policy import Actor
from backoffice.web.people import house

from . import formats

_EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True)
class Entry:
    """What a form field holds of a document of translations: the text in one language.

    `document` is the name of the document, `source` of the field that it translates.
    """

    document: str
    source: str
    language: str


class HouseField(WTField):
    """Ground of all fields: a declared field, the typed text and the value that it means.

    A text that is written in several languages has one field for each; `language` tells them apart.
    """

    template: ClassVar[str] = "text"
    input_mode: ClassVar[str | None] = None
    #: Whether the input names itself, so that the label stands over it as a text only.
    grouped: ClassVar[bool] = False

    def __init__(
        self,
        declared: Field,
        *,
        read_only: bool = False,
        language: str | None = None,
        entry: Entry | None = None,
        title: str | None = None,
        actor: Actor | None = None,
        **options: Any,
    ) -> None:
        super().__init__(label=title or str(declared.label), description=str(declared.help or ""), **options)
        self.declared = declared
        self.read_only = read_only
        self.actor = actor
        self.language = language
        self.entry = entry
        #: What stands in the input while it is empty.
        self.hint = ""
        self.given = False
        self.typed: str | None = None
        self.value: Any = None
        self.stored: Any = None

    @property
    def is_still_empty(self) -> bool:
        """Return whether nothing stands where nothing stood; an empty document and none are the same to a person."""
        return self.value in _EMPTY and self.stored in _EMPTY

    @property
    def required(self) -> bool:
        """Return whether a value must be given."""
        # An empty slug is made from the name.
        return self.declared.required and self.name != "slug"

    @property
    def language_label(self) -> str:
        """Return the language of the text as it stands beside a label."""
        return language_label(self.language) if self.language else ""

    @property
    def said(self) -> str:
        """Return what the field is called within a sentence: price, French name."""
        label = within_sentence(self.label.text)
        if not self.entry:
            return label
        return _("%(language)s %(field)s", language=language_name(self.entry.language), field=label)

    @property
    def direction(self) -> str:
        """Return the direction of what is typed: codes and numbers are never mirrored."""
        if self.declared.kind in (Kind.CODE, Kind.MONEY, Kind.INTEGER):
            return "ltr"
        return direction_of(self.language) if self.language else "auto"

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Take the value of the record, or what the form brought."""
        self.value = self.stored = None if data is unset_value else data
        self.process_errors = []
        if formdata is not None and not self.read_only and self.is_in(formdata):
            self.given = True
            self.take(formdata)

    def is_in(self, formdata: Any) -> bool:
        """Return whether the form held this field."""
        return self.name in formdata

    def take(self, formdata: Any) -> None:
        """Keep what was typed and read the value from it."""
        self.typed = formdata.get(self.name, "")
        try:
            self.value = self.read(self.typed)
        except Refused as refused:
            self.process_errors.append(str(refused))

    def read(self, text: str) -> Any:
        """Return the value that `text` means. Raises Refused."""
        return self.declared.parse(text, get_locale())

    @staticmethod
    def write(value: Any) -> str:
        """Return `value` as a person writes it."""
        return "" if value is None else str(value)

    @property
    def text(self) -> str:
        """Return what the input shows: what was typed, else the value."""
        return self.typed if self.typed is not None else self.write(self.value)

    def show(self, value: Any) -> None:
        """Show `value` in place of what was typed."""
        self.typed, self.value = None, value

    def validate(self, form: Any, extra_validators: Sequence[Any] = ()) -> bool:
        """Return whether the typed text could be read."""
        self.errors = list(self.process_errors)
        return not self.errors

    def refuse(self, message: str) -> None:
        """Add a refusal that came from a rule behind the form."""
        self.errors = [*self.errors, message]


class TextField(HouseField):
    """One line."""


class ImageField(HouseField):
    """The address of an image, with a look at it where the page may load it: from our own address only."""

    template = "image"

    @property
    def preview(self) -> str | None:
        """Return the address, None for one of elsewhere."""
        return formats.picture(self.text)


class LongTextField(HouseField):
    """Several lines."""

    template = "long_text"

    def read(self, text: str) -> Any:
        return self.declared.parse(text.replace("\r\n", "\n"), get_locale())


class IntegerField(HouseField):
    """A whole number."""

    input_mode = "numeric"


class MoneyField(HouseField):
    """An amount in the separators of the reader."""

    template = "money"
    input_mode = "decimal"

    @property
    def text(self) -> str:
        if self.typed is not None or self.value is None:
            return self.typed or ""
        return readable(formats.plain_number(self.value))

    @staticmethod
    def write(value: Decimal | None) -> str:
        return "" if value is None else readable(formats.plain_number(value, grouped=False))


def readable(number: str) -> str:
    """Return a number as it stands in an input, so that it is read back in one way only: 1.2990 instead of 1.299."""
    try:
        parse_decimal(number, get_locale())
    except AmbiguousNumber:
        return f"{number}0"
    return number


class MomentField(HouseField):
    """A date and time in the reader's zone."""

    def read(self, text: str) -> Any:
        value = self.declared.parse(text, get_locale())
        # A time without a zone is meant in the reader's, not in UTC.
        zoned = value is None or "+" in text or text.strip().endswith("Z")
        return value if zoned else value.replace(tzinfo=get_timezone()).astimezone(UTC)

    @staticmethod
    def write(value: Any) -> str:
        return "" if value is None else value.astimezone(get_timezone()).strftime("%Y-%m-%d %H:%M")


class ChoiceField(HouseField):
    """One of a few."""

    template = "choice"

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return keys and labels, an empty one first where nothing may be chosen."""
        listed = [(key, str(label)) for key, label in self.declared.choices]
        return listed if self.declared.required else [("", _("Not chosen")), *listed]


class HouseChoiceField(ChoiceField):
    """One of a long list of which the house uses a few: those, and the one that stands already."""

    #: The house setting that lists the few.
    setting: ClassVar[str] = ""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return what the house uses, with the stored value where it is another one."""
        known = dict(self.declared.choices)
        few = getattr(house(), self.setting, None) or ()
        return [(key, str(known.get(key, key))) for key in dict.fromkeys([*few, self.stored]) if key]


class CurrencyField(HouseChoiceField):
    """One of the currencies of the house."""

    setting = "currencies"


class BooleanField(HouseField):
    """Yes or no. A box that is not ticked sends nothing; a mark beside it says that it was there."""

    template = "boolean"
    grouped = True

    def is_in(self, formdata: Any) -> bool:
        return self.name in formdata or f"{self.name}.shown" in formdata

    def take(self, formdata: Any) -> None:
        values = [value for value in formdata.getlist(self.name) if value.strip()]
        self.typed = values[-1] if values else "no"
        try:
            self.value = bool(self.read(self.typed))
        except Refused as refused:
            self.process_errors.append(str(refused))


class ListField(LongTextField):
    """One a line."""

    @staticmethod
    def write(value: Any) -> str:
        return "\n".join(value or ())


class MapField(LongTextField):
    """Lines of `name = value`; rows where a script runs."""

    template = "entries"

    @staticmethod
    def write(value: Any) -> str:
        return "\n".join(f"{key} = {written(item)}" for key, item in (value or {}).items())


class ReadOnlyField(HouseField):
    """A value that the person may see but not set."""

    template = "read_only"
    grouped = True

    def __init__(self, declared: Field, **options: Any) -> None:
        super().__init__(declared, read_only=True, **options)
        self.shown = Markup("")


def direction_of(language: str) -> str:
    """Return the direction of what is written in `language`."""
    return str(Locale.parse(language, sep="-").text_direction)


#: Rich text has a field of its own, in richtext.py.
OF_KIND: dict[Kind, type[HouseField]] = {
    Kind.TEXT: TextField,
    Kind.CODE: TextField,
    Kind.LONG_TEXT: LongTextField,
    Kind.HTML: LongTextField,
    Kind.CHOICE: ChoiceField,
    Kind.BOOLEAN: BooleanField,
    Kind.INTEGER: IntegerField,
    Kind.MONEY: MoneyField,
    Kind.MOMENT: MomentField,
    Kind.LIST: ListField,
    Kind.MAP: MapField,
}
