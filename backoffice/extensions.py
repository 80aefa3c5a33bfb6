"""Unbound extension objects; `app.create_app` binds them."""

from __future__ import annotations

from typing import Any

from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The declarative base of all tables."""

    metadata = MetaData(naming_convention=NAMING)


class SignIns(LoginManager):  # type: ignore[misc]
    """Flask-Login's manager, which fails on a “remember me” cookie that is not ASCII."""

    def _load_user_from_remember_cookie(self, cookie: str) -> Any:
        return super()._load_user_from_remember_cookie(cookie) if cookie.isascii() else None


# Models inherit from Base itself: it is what a type checker understands. The extension gives engine and session.
db = SQLAlchemy(metadata=Base.metadata)
babel = Babel()
csrf = CSRFProtect()
login_manager = SignIns()
migrate = Migrate()
