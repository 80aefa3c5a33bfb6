"""The admin: one view for each resource, found by their modules, built anew for each application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_admin.base import BaseView
from flask_admin.theme import Theme
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from backoffice.errors import NotFound
from backoffice.policy import Denied
from backoffice.web.errors import token_failed
from backoffice.web.people import is_signed_in

from . import formats
from .access import GuardedView
from .dashboard import Dashboard
from .groups import GROUPS


@dataclass(frozen=True)
class Group:
    """A heading of the navigation and the views under it that the person may open."""

    label: str
    views: list[BaseView]


def register(app: Flask, packages: tuple[str, ...] = ()) -> Admin:
    """Build the admin of `app` with every view of this package and of the modules `views` of `packages`.

    The folder of the theme holds nothing: no page of Flask-Admin's own can be reached by accident.
    """
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    modules += [import_module(f"{package}.views") for package in packages]
    admin = Admin(
        app,
        name="Backoffice",
        url="/admin",
        endpoint="admin",
        index_view=Dashboard(name="Dashboard", endpoint="admin", url="/admin"),
        theme=Theme(folder="backoffice", base_template="admin/layout.html"),
    )
    for view in sorted((cls() for module in modules for cls in _views_in(module)), key=lambda view: view.place):
        admin.add_view(view)
    app.register_error_handler(CSRFError, _keep_typed)
    app.jinja_env.globals.update(
        navigation=lambda: navigation(admin),
        day=formats.day,
        moment=formats.moment,
        since=formats.since,
        time_of_day=formats.time_of_day,
        plain_moment=formats.plain_moment,
        format_count=formats.count,
        whole=formats.whole,
        percent=formats.percent,
    )
    return admin


def navigation(admin: Admin) -> list[Group]:
    """Return the groups of the navigation with the views that the person of this request may open."""
    grouped: dict[str, list[BaseView]] = {}
    for view in admin._views:
        if view is not admin.index_view and view.group and view.is_accessible():
            grouped.setdefault(view.group, []).append(view)
    order = [*GROUPS, *(name for name in grouped if name not in GROUPS)]
    return [Group(str(GROUPS.get(name, name.capitalize())), grouped[name]) for name in order if name in grouped]


def _keep_typed(error: CSRFError) -> ResponseReturnValue:
    """Show a form whose token had expired again, with all that was typed and a fresh token; nothing is saved."""
    view = current_app.view_functions.get(request.endpoint or "")
    is_form = (request.endpoint or "").endswith((".create_view", ".edit_view"))
    if view is None or not is_form or not is_signed_in():
        return token_failed(error)
    g.token_failed = True
    try:
        return current_app.make_response(view(**(request.view_args or {})))
    except (NotFound, Denied, HTTPException):
        return token_failed(error)


def _views_in(module: ModuleType) -> Iterator[type[GuardedView]]:
    """Yield the views that `module` itself declares and that stand for something."""
    for found in vars(module).values():
        declared_here = isinstance(found, type) and found.__module__ == module.__name__
        if declared_here and issubclass(found, GuardedView) and found.is_complete() and found is not Dashboard:
            yield found
