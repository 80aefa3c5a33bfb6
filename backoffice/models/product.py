"""Products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, text
from sqlalchemy.orm import Mapped, Session, object_session, relationship

from ..errors import Refused
from ..extensions import Base
from ..i18n import _, _l, as_reader_writes, currency_digits
from .base import Declaration, Resource, association, column
from .brand import Brand
from .category import Category, held_category, path_of
from .fields import Field, Kind
from .identifiers import Named, gtin_problem
from .money import CURRENCIES
from .tag import Tag
from .types import BigKey, CodeText, Document, Money
from .user import User

DRAFT, PUBLISHED, ARCHIVED = "draft", "published", "archived"

product_tag = Table(
    "product_tag",
    Base.metadata,
    Column("product_id", BigKey, ForeignKey("product.id"), primary_key=True),
    Column("tag_id", BigKey, ForeignKey("tag.id"), primary_key=True),
    Index("ix_product_tag_tag_id", "tag_id", "product_id"),
)


class Product(Named, Resource, Base):
    """One article of the catalogue, known by its SKU. A SKU stays taken while its product is in the trash."""

    __tablename__ = "product"
    resource = Declaration(
        name="product",
        label=_l("Product"),
        plural=_l("Products"),
        icon="package",
        key="sku",
        search=("name", "sku", "gtin", "description"),
        verbs=("publish", "import", "export"),
        scope="category_id",
        set_based=True,
    )

    languages_of = MappingProxyType({"name_i18n": "named_in"})

    sku: Mapped[str] = column(
        CodeText,
        Field(label=_l("SKU"), kind=Kind.CODE, required=True, unique=True, sorted=True, max_length=64),
        unique=True,
    )
    gtin: Mapped[str | None] = column(
        CodeText,
        Field(
            label=_l("GTIN"),
            kind=Kind.CODE,
            max_length=14,
            listed=False,
            help=_l("The number under the barcode: 8, 12, 13 or 14 digits."),
        ),
        index=True,
    )
    description: Mapped[str | None] = column(
        Text, Field(label=_l("Description"), kind=Kind.HTML, max_length=100_000, listed=False)
    )
    notes: Mapped[str | None] = column(
        Text,
        Field(
            label=_l("Notes"),
            kind=Kind.HTML,
            max_length=20_000,
            listed=False,
            help=_l("For colleagues; never published."),
        ),
    )
    price: Mapped[Decimal | None] = column(
        Money, Field(label=_l("Price"), kind=Kind.MONEY, sorted=True, filtered=True, inline=True)
    )
    cost: Mapped[Decimal | None] = column(
        Money, Field(label=_l("Cost"), kind=Kind.MONEY, listed=False, help=_l("What it costs you; never published."))
    )
    currency: Mapped[str] = column(
        String(3),
        Field(
            label=_l("Currency"),
            kind=Kind.CHOICE,
            required=True,
            choices=CURRENCIES,
            listed=False,
            filtered=True,
        ),
        default="EUR",
    )
    status: Mapped[str] = column(
        String(20),
        Field(
            label=_l("Status"),
            kind=Kind.CHOICE,
            required=True,
            choices=((DRAFT, _l("Draft")), (PUBLISHED, _l("Published")), (ARCHIVED, _l("Archived"))),
            filtered=True,
            inline=True,
            verb="publish",
        ),
        default=DRAFT,
    )
    category_id: Mapped[int | None] = column(
        BigKey,
        Field(label=_l("Category"), kind=Kind.REFERENCE, target="category", filtered=True, file_name="category"),
        ForeignKey("category.id"),
    )
    brand_id: Mapped[int | None] = column(
        BigKey,
        Field(label=_l("Brand"), kind=Kind.REFERENCE, target="brand", filtered=True, file_name="brand"),
        ForeignKey("brand.id"),
    )
    responsible_id: Mapped[int | None] = column(
        BigKey,
        Field(
            label=_l("Responsible person"),
            kind=Kind.REFERENCE,
            target="user",
            listed=False,
            filtered=True,
            file_name="responsible",
        ),
        ForeignKey("user.id"),
    )
    image_url: Mapped[str | None] = column(
        String(1000), Field(label=_l("Image address"), kind=Kind.CODE, max_length=1000, listed=False)
    )
    attributes: Mapped[dict[str, Any] | None] = column(
        Document,
        Field(
            label=_l("Attributes"),
            kind=Kind.MAP,
            listed=False,
            help=_l("One a line, such as “colour = blue”."),
        ),
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
            filtered=True,
        ),
    )
    description_i18n: Mapped[dict[str, Any] | None] = column(
        Document,
        Field(
            label=_l("Description in other languages"),
            kind=Kind.MAP,
            entry_prefix="description",
            entry_kind=Kind.HTML,
            entry_length=100_000,
            listed=False,
        ),
    )

    category: Mapped[Category | None] = relationship(lazy="select")
    brand: Mapped[Brand | None] = relationship(lazy="select")
    responsible: Mapped[User | None] = relationship(lazy="select")
    tags: Mapped[list[Tag]] = association(
        Field(label=_l("Tags"), kind=Kind.REFERENCES, target="tag", listed=False, filtered=True),
        secondary=product_tag,
        lazy="select",
        order_by=Tag.id,
    )

    def scope_path(self) -> str | None:
        # By key: a loaded relationship does not follow when the key is set.
        return path_of(object_session(self), self.category_id)

    def settle(self, session: Session) -> None:
        self.settle_name(session)
        self.check_values({name: getattr(self, name) for name in ("gtin", "price", "cost", "currency")})

    def settled(self, session: Session, changed: frozenset[str]) -> None:
        if self.trashed_at or not self.category_id or not changed & {"category_id", "trashed_at"}:
            return
        # What comes back keeps its category, and the foreign key is not looked at then.
        category = held_category(session, self.category_id)
        if category is None or not category.trashed_at:
            return
        name = session.info["shown_name"](category)
        if "category_id" in changed:
            raise Refused(_("Category: “%(name)s” is in the trash. Choose another.", name=name), "category_id")
        raise Refused(_("Its category “%(name)s” is in the trash. Restore that category first.", name=name))

    @classmethod
    def problems_of(cls, values: Mapping[str, Any]) -> Iterator[Refused]:
        if values["gtin"] and (problem := gtin_problem(values["gtin"])):
            yield Refused(problem, "gtin")
        for name, label in (("price", _l("Price")), ("cost", _l("Cost"))):
            if problem := digits_problem(values[name], values["currency"], label):
                yield Refused(problem, name)


def digits_problem(amount: Decimal | None, currency: str, label: object) -> str | None:
    """Return what is wrong with an `amount` that has more decimals than ISO 4217 gives its currency."""
    digits = currency_digits(currency)
    if amount is None or amount == round(amount, digits):
        return None
    return _(
        "%(field)s: %(currency)s has %(digits)s decimals. Write %(amount)s.",
        field=label,
        currency=currency,
        digits=digits,
        amount=as_reader_writes(round(amount, digits)),
    )


def _index(name: str, *columns: str, covering: tuple[str, ...] = (), trashed: bool = False) -> Index:
    """Return an index over the products that are not in the trash, the ones that lists walk, or over those that are.

    What it holds as `covering` can be read from it too, without a look at the row.
    """
    where = text("trashed_at IS NOT NULL" if trashed else "trashed_at IS NULL")
    table = Product.__table__.c
    return Index(
        name,
        *(table[column] for column in columns),
        postgresql_where=where,
        sqlite_where=where,
        postgresql_include=[column for column in covering if column not in columns],
    )


#: What lists are filtered by: a walk along an index that holds it reads no row that is left out.
_FILTERED = ("status", "brand_id", "price", "currency", "responsible_id")
_FILED = ("category_id", *_FILTERED)

#: What lists are sorted by: a range of prices in another order is read from the index of the prices alone.
_SORTED = ("name_key", "updated_at", "sku")

# Each index with the question that it serves; docs/architecture.md has the list with what each costs.
_index("ix_product_live", "id", covering=_FILED)
_index("ix_product_live_category_id", "category_id", "id", covering=_FILTERED)
for _column in ("brand_id", "currency", "responsible_id", "status"):
    _index(f"ix_product_live_{_column}", _column, "id")
for _column in ("name_key", "price", "updated_at", "sku"):
    _index(f"ix_product_live_{_column}", _column, "id", covering=(*_FILED, *(_SORTED if _column == "price" else ())))
    _index(f"ix_product_live_category_id_{_column}", "category_id", _column, "id", covering=_FILTERED)
    _index(f"ix_product_trashed_{_column}", _column, "id", covering=_FILED, trashed=True)
_index("ix_product_trashed", "trashed_at", "id", covering=_FILED, trashed=True)
_index("ix_product_trashed_id", "id", trashed=True)
_index("ix_product_trashed_category_id", "category_id", "trashed_at", "id", covering=_FILTERED, trashed=True)
