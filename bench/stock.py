"""Flask-Admin as it comes, over the same products: what the list is measured against (`gunicorn bench.stock:app`)."""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, scoped_session, sessionmaker

from .loading import open_engine


class Base(DeclarativeBase):
    """Models of its own: the columns that the list shows."""


class Category(Base):
    """A category as the list names it."""

    __tablename__ = "category"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Brand(Base):
    """A brand as the list names it."""

    __tablename__ = "brand"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Product(Base):
    """A product with what the list shows of it."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    name: Mapped[str]
    price: Mapped[Decimal | None]
    currency: Mapped[str]
    status: Mapped[str]
    category_id: Mapped[int | None] = mapped_column(ForeignKey(Category.id))
    brand_id: Mapped[int | None] = mapped_column(ForeignKey(Brand.id))
    updated_at: Mapped[datetime]
    category: Mapped[Category | None] = relationship()
    brand: Mapped[Brand | None] = relationship()


class ProductView(ModelView):  # type: ignore[misc]
    """The default list with the columns, the order and the number of rows that ours has."""

    column_list = ("name", "sku", "price", "currency", "status", "category", "brand", "updated_at")
    column_sortable_list = ("name", "sku", "price", "updated_at")
    column_searchable_list = ("name", "sku")
    column_default_sort = ("id", True)
    page_size = 50


def create(url: str) -> Flask:
    """Return the application over the database `url`."""
    made = Flask(__name__)
    made.secret_key = "bench"
    Babel(made)
    session = scoped_session(sessionmaker(open_engine(url)))
    made.teardown_appcontext(lambda _error: session.remove())
    Admin(made, name="Stock").add_view(ProductView(Product, session, endpoint="product"))
    return made


if url := os.environ.get("DATABASE_URL"):
    app = create(url)
