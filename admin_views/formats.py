"""How values are shown: numbers, money and moments as the reader writes them; nothing here decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import format_timedelta, get_datetime_format
from babel.lists import format_list
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from flask_babel import format_date, format_datetime, format_time, get_locale, to_user_timezone
from markupsafe import Markup, escape

from backoffice.html import sanitise, text_of
from backoffice.i18n import _, language_label, language_name
from backoffice.models.base import Resource, fields_of, find_field
from backoffice.models.fields import Field, Kind, written
from backoffice.models.types import utcnow

#: Longest text shown in a difference; the record itself shows all of it.
SHOWN_LENGTH = 200

#: Longest field whose values are set in the type of codes.
SHORT_CODE = 64

#: (resource, key) -> the name of that record.
Names = Mapping[tuple[str, int], str]


#: Field -> what a list of codes in it means, for fields whose codes are no words of the reader.
TOLD_LISTS: dict[str, Callable[[Iterable[str]], str]] = {}


def nothing() -> Markup:
    """Return what stands where a value is missing."""
    return Markup(
        '<span class="muted"><span aria-hidden="true">–</span><span class="visually-hidden">{}</span></span>'
    ).format(_("nothing"))


def money(amount: Decimal | None, currency: str | None = None) -> Markup:
    """Return `amount` with its currency in the reader's format."""
    if amount is None:
        return nothing()
    shown = format_currency(amount, currency, locale=get_locale()) if currency else plain_number(amount)
    return Markup('<bdi class="amount">{}</bdi>').format(shown)


def plain_number(amount: Decimal, grouped: bool = True) -> str:
    """Return `amount` with at least two decimals, as the reader writes it."""
    shown: str = format_decimal(
        amount, format="#,##0.00##" if grouped else "0.00##", locale=get_locale(), group_separator=grouped
    )
    return shown


def moment(value: datetime | None, form: str = "medium") -> Markup:
    """Return `value` in the reader's zone, to the minute; the machine-readable form goes with it."""
    if value is None:
        return nothing()
    order = get_datetime_format(form, locale=get_locale()).replace("'", "")
    return _timed(value, order.format(format_time(value, "short"), format_date(value, form)))


def time_of_day(value: datetime) -> Markup:
    """Return the time of `value` in the reader's zone, where the day is said beside it."""
    return _timed(value, format_time(value, "short"))


def since(value: datetime) -> Markup:
    """Return how long ago `value` was."""
    return _timed(value, ago(value, utcnow()))


def _timed(value: datetime, shown: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(timespec="milliseconds"), format_datetime(value, "full"), shown
    )


def ago(value: datetime, now: datetime) -> str:
    """Return how long ago `value` was, the date where that is more than a week."""
    passed = now - value
    if passed < timedelta(minutes=1):
        return _("just now")
    if passed >= timedelta(days=7):
        return str(format_date(value, "medium"))
    return format_timedelta(-passed, threshold=1, add_direction=True, locale=get_locale())


def listed(parts: Iterable[str], style: str = "standard") -> str:
    """Return `parts` as one enumeration, “a, b and c”, or with the style `or` “a, b or c”."""
    return format_list([str(part) for part in parts], style=style, locale=get_locale())


def isolated(text: Any) -> str:
    """Return a name marked as one, for `with_names`: in a sentence it is read in a direction of its own."""
    return f"\u2068{text}\u2069"


def with_names(sentence: str) -> Markup:
    """Return a sentence in which names that are `isolated` keep their direction."""
    return escape(sentence).replace("\u2068", Markup("<bdi>")).replace("\u2069", Markup("</bdi>"))


def truth(value: Any) -> str:
    """Return yes or no."""
    return _("Yes") if value else _("No")


def clip(text: str, length: int = SHOWN_LENGTH) -> str:
    """Return `text`, cut where it is too long to compare."""
    return text if len(text) <= length else text[: length - 1] + "…"


def code(value: Any, *, short: bool) -> Markup:
    """Return what a machine reads too: a `short` one such as an SKU in the type of codes, an address as a text."""
    shown = clip(str(value))
    if short:
        return Markup('<span class="code">{}</span>').format(shown)
    return Markup('<bdi dir="ltr">{}</bdi>').format(shown)


def choice(declared: Field, value: str) -> str:
    """Return the label of one of the choices of a field."""
    return str(dict(declared.choices).get(value, value))


def of_entry(value: Any) -> str:
    """Return the value of one entry of a document: yes or no, a number or a text."""
    return truth(value) if isinstance(value, bool) else written(value)


def entries(value: Mapping[str, Any] | None, label: Callable[[str], str] = str) -> Markup:
    """Return a document as lines; `label` says what a key is called."""
    if not value:
        return nothing()
    lines = (
        Markup("<dt>{}</dt><dd><bdi>{}</bdi></dd>").format(label(key), of_entry(item)) for key, item in value.items()
    )
    return Markup('<dl class="entries">{}</dl>').format(Markup("").join(lines))


def linked(name: str, address: str | None) -> Markup:
    """Return `name`, as a link where there is an address."""
    return (
        Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, name)
        if address
        else Markup("<bdi>{}</bdi>").format(name)
    )


def reference(declared: Field, key: Any, names: Names) -> Markup:
    """Return the name of the record that a reference points to; a number where the reader may not know it."""
    return Markup("<bdi>{}</bdi>").format(names.get((str(declared.target), key), f"#{key}"))


def references(declared: Field, keys: Any, names: Names) -> Markup:
    """Return the names of several records."""
    return joined(reference(declared, key, names) for key in keys) if keys else nothing()


def joined(parts: Iterable[Markup]) -> Markup:
    """Return `parts` beside each other as the reader parts a list."""
    return escape(_(", ")).join(parts)


def encoded(model: type[Resource], key: str, value: Any, names: Names) -> Markup:
    """Return the value that history keeps for `key`, a field or an entry of a document, as people read it."""
    if value is None or value == "" or value == []:
        return nothing()
    found = find_field(model, key)
    if found is None:
        return escape(clip(str(value)))
    declared, entry = found
    if entry is not None:
        return Markup("<bdi>{}</bdi>").format(clip(of_entry(value)))
    return of_field(model, declared, declared.decode(value), names)


def of_field(model: type[Resource], declared: Field, value: Any, names: Names, currency: str | None = None) -> Markup:
    """Return a decoded value of a field of `model`: as `TOLD_LISTS` tells it, else as its kind is read."""
    told = TOLD_LISTS.get(f"{model.resource.name}.{declared.name}")
    return escape(told(value)) if told and value else of_kind(declared, value, names, currency)


def of_kind(declared: Field, value: Any, names: Names, currency: str | None = None) -> Markup:
    """Return a decoded value as its kind is read; long texts are cut."""
    if value is None or value == "" or value == []:
        return nothing()
    if declared.kind is Kind.MONEY:
        return money(value, currency)
    if declared.kind is Kind.REFERENCE:
        return reference(declared, value, names)
    if declared.kind is Kind.REFERENCES:
        return references(declared, value, names)
    simple = _SIMPLE.get(declared.kind)
    if simple:
        return simple(declared, value)
    return Markup("<bdi>{}</bdi>").format(clip(str(value)))


_SIMPLE: dict[Kind, Callable[[Field, Any], Markup]] = {
    Kind.MOMENT: lambda _field, value: moment(value),
    Kind.BOOLEAN: lambda _field, value: escape(truth(value)),
    Kind.CHOICE: lambda declared, value: escape(choice(declared, value)),
    Kind.HTML: lambda _field, value: Markup("<bdi>{}</bdi>").format(clip(text_of(str(value)))),
    Kind.LIST: lambda _field, value: joined(Markup("<bdi>{}</bdi>").format(one) for one in value),
    Kind.MAP: lambda declared, value: entries(value, language_label if declared.by_language else str),
    Kind.CODE: lambda field, value: code(value, short=field.max_length <= SHORT_CODE),
}


def picture(address: str | None) -> str | None:
    """Return the address of a picture that pages may show, None for one of elsewhere."""
    ours = address is not None and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if ours else None


def translated(model: type[Resource], document: Field) -> Field | None:
    """Return the field whose translations `document` holds, None for any other field."""
    return fields_of(model).get(str(document.entry_prefix)) if document.by_language else None


def key_label(model: type[Resource], key: str) -> str:
    """Return what people call the field or entry `key`."""
    found = find_field(model, key)
    if found is None:
        return key
    declared, entry = found
    source = translated(model, declared) if entry is not None else None
    if source is not None:
        return _("%(field)s in %(language)s", field=source.label, language=language_name(entry))
    return str(declared.label) if entry is None else f"{declared.label}: {entry}"


def count(counted: Any) -> str:
    """Return a count as it stands on a page: exact, "1,000+" for at least, or "≈ 1.2M" for about."""
    if counted.estimated:
        return f"≈ {format_compact_decimal(counted.value, fraction_digits=1, locale=get_locale())}"
    number = format_decimal(counted.value, locale=get_locale())
    return number if counted.exact else f"{number}+"


def whole(value: float) -> str:
    """Return a whole number as the reader writes it."""
    return str(format_decimal(round(value), locale=get_locale()))


def percent(share: float) -> str:
    """Return a share of a hundred as the reader writes it."""
    return str(format_percent(round(share) / 100, locale=get_locale()))


def plain_moment(value: datetime) -> str:
    """Return a moment in the reader's zone as text, for where no markup can stand."""
    return str(format_datetime(value, "short"))


def day(value: datetime) -> str:
    """Return the day of `value` in the reader's zone in words: today, yesterday, or its date."""
    here, today = to_user_timezone(value).date(), to_user_timezone(utcnow()).date()
    if here == today:
        return _("Today")
    if here == today - timedelta(days=1):
        return _("Yesterday")
    return str(format_date(value, "full"))


def rich(markup: str) -> Markup:
    """Return a rich text as it is meant; sanitised again, for it may be older than a rule of today."""
    # nh3 has just taken out whatever could do harm.
    return Markup('<div class="rich-text" dir="auto">{}</div>').format(Markup(sanitise(markup)))  # noqa: S704
