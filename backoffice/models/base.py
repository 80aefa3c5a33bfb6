"""What every resource has: a key, a version, moments, a trash mark, and a declaration of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, cast

from sqlalchemy import Table, event, inspect
from sqlalchemy.orm import (
    ColumnProperty,
    Mapped,
    Mapper,
    RelationshipProperty,
    Session,
    declared_attr,
    mapped_column,
    relationship,
)

from ..errors import Refused, WriteRefused
from ..i18n import _, _l
from .fields import TEXTUAL, Field, Kind
from .types import BigKey, UtcDateTime, utcnow

CRUD = ("create", "read", "update", "delete")

#: Kinds that a value is brought into stored form for at the moment when it is set on a record.
_CLEANED = TEXTUAL | {Kind.MAP, Kind.LIST, Kind.MONEY, Kind.INTEGER}


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a resource is to the rest of the house.

    `name` is its name in addresses, rights and history. `title` is the field that names a record to people, `key` the
    one that names it in files. `search` lists the fields whose words are searched, the most telling first; their
    weight falls in that order. `verbs` are the rights it has besides create, read, update and delete. `scope` is the
    column that holds the category by which a role's reach may be limited; None: the resource has no such limit. The
    names of `referable` records may be chosen by whoever may set a field that points to them, without the right to
    read them. `set_based`: settling a record is no more than `derived`, `check_values` and a slug, so `bulk` may write
    its rows without loading them.
    """

    name: str
    label: Any
    plural: Any
    group: str = "catalogue"
    icon: str = "package"
    title: str = "name"
    key: str = "name"
    search: tuple[str, ...] = ("name",)
    default_sort: str = "-id"
    verbs: tuple[str, ...] = ("import", "export")
    scope: str | None = None
    singleton: bool = False
    referable: bool = False
    set_based: bool = False

    @property
    def all_verbs(self) -> tuple[str, ...]:
        """Return every verb that a role can be granted on this resource."""
        return ("read", "update") if self.singleton else (*CRUD, *self.verbs)


def column(type_: Any, field: Field, *constraints: Any, **options: Any) -> Any:
    """Return a mapped column that carries the declaration of its field."""
    options.setdefault("nullable", not field.required)
    # History needs the value before, also of an expired attribute.
    options.setdefault("active_history", True)
    return mapped_column(type_, *constraints, info={"field": field}, **options)


def association(field: Field, **options: Any) -> Any:
    """Return a many-to-many relationship that carries the declaration of its field; its record is the one owner."""
    return relationship(info={"field": field}, **options)


_resources: dict[str, type[Resource]] = {}


class Resource:
    """Mixin of the tables that people own: each write of one is a change, each delete a move to the trash."""

    resource: ClassVar[Declaration]

    #: Columns in which PostgreSQL keeps the languages of a document, by the name of its field; no model maps them.
    languages_of: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "resource" in cls.__dict__:
            known = {**_resources, cls.resource.name: cls}
            _resources.clear()
            _resources.update(sorted(known.items()))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, sort_order=-10)
    version: Mapped[int] = mapped_column(default=1, server_default="1", sort_order=900)
    created_at: Mapped[datetime] = column(
        UtcDateTime,
        Field(label=_l("Created"), kind=Kind.MOMENT, system=True, listed=False),
        default=utcnow,
        nullable=False,
        sort_order=901,
    )
    updated_at: Mapped[datetime] = column(
        UtcDateTime,
        Field(label=_l("Changed"), kind=Kind.MOMENT, system=True, sorted=True),
        default=utcnow,
        nullable=False,
        sort_order=902,
    )
    trashed_at: Mapped[datetime | None] = column(
        UtcDateTime,
        Field(label=_l("In the trash since"), kind=Kind.MOMENT, system=True, listed=False),
        sort_order=903,
    )

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        # The unit counts versions; the mapper checks that nobody counted meanwhile.
        return {"version_id_col": cls.version, "version_id_generator": False}

    def settle(self, session: Session) -> None:
        """Check the record's own rules and compute what follows from its fields; called before each flush of it.

        Raises Refused. May read through `session`; must not flush.
        """

    def settled(self, session: Session, changed: frozenset[str]) -> None:
        """Check and compute what needs the key or the flushed rows; called once, before the commit.

        `changed` holds the names of the fields that differ. Raises Refused.
        """

    def scope_path(self) -> str | None:
        """Return the path of the category that limits who may reach this record, None when it has none."""
        return None

    @classmethod
    def derived(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of derived columns that follow from `values` alone, for set-based writes."""
        return {}

    @classmethod
    def problems_of(cls, values: Mapping[str, Any]) -> Iterator[Refused]:
        """Yield a refusal for each rule of its own, or between fields, that `values`, all those of a record, break."""
        yield from ()

    @classmethod
    def check_values(cls, values: Mapping[str, Any]) -> None:
        """Raise the first of `problems_of`; set-based writes call it."""
        for problem in cls.problems_of(values):
            raise problem

    def __str__(self) -> str:
        return str(getattr(self, self.resource.title, "") or self.id)


_fields: dict[type[Resource], Mapping[str, Field]] = {}


def resources() -> Mapping[str, type[Resource]]:
    """Return every resource by name, in the order of the names."""
    return MappingProxyType(_resources)


def fields_of(model: type[Resource]) -> Mapping[str, Field]:
    """Return the declared fields of `model` by attribute name, in the order of declaration, the house's own last."""
    if model not in _fields:
        _fields[model] = _read_fields(model)
    return _fields[model]


def _read_fields(model: type[Resource]) -> Mapping[str, Field]:
    mapper = cast(Mapper[Any], inspect(model))
    found = {}
    for prop in [*mapper.column_attrs, *mapper.relationships]:
        info = prop.columns[0].info if isinstance(prop, ColumnProperty) else prop.info
        if field := info.get("field"):
            found[prop.key] = field.bound(prop.key, prop.class_attribute)
    return dict(sorted(found.items(), key=lambda item: (item[1].system, item[1].order)))


def file_fields(model: type[Resource]) -> Mapping[str, Field]:
    """Return the fields that files may hold, by their name in files."""
    return {field.file_name or name: field for name, field in fields_of(model).items() if not field.secret}


def field_of(model: type[Resource], key: str) -> tuple[Field, str | None]:
    """Return the field that `key` names and, for an entry such as `attributes.colour`, the entry's name.

    Raises KeyError.
    """
    fields = fields_of(model)
    if key in fields:
        return fields[key], None
    prefix, dot, entry = key.partition(".")
    if dot and entry:
        for field in fields.values():
            if field.kind is Kind.MAP and field.entry_prefix == prefix:
                return field, entry
    raise KeyError(key)


def find_field(model: type[Resource], key: str) -> tuple[Field, str | None] | None:
    """Return what `field_of` returns, None for a key that `model` does not have, such as one of an older version."""
    try:
        return field_of(model, key)
    except KeyError:
        return None


def references_to(model: type[Resource]) -> Iterator[tuple[type[Resource], Field]]:
    """Yield each resource and field that points to `model`."""
    for other in resources().values():
        for field in fields_of(other).values():
            if field.target == model.resource.name:
                yield other, field


def require_filled(record: Resource) -> None:
    """Raise Refused where a required field of `record` is empty."""
    for name, field in fields_of(type(record)).items():
        if field.required and getattr(record, name) in (None, ""):
            raise Refused(_("%(field)s: fill this in.", field=field.label), name)


def _clean_on_set(field: Field) -> Any:
    def clean(record: Resource, value: Any, old: Any, initiator: Any) -> Any:
        return field.clean(value)

    return clean


def _set_key(relation: RelationshipProperty[Any]) -> Any:
    """Return what sets the key with the record: the mapper would do so in the flush, where history does not see it."""
    ((local, remote),) = relation.local_remote_pairs or ()
    key = relation.parent.get_property_by_column(local).key

    def follow(record: Resource, value: Any, _old: object, _initiator: object) -> None:
        target = None if value is None else getattr(value, str(remote.key))
        if value is not None and target is None:
            raise WriteRefused(f"Flush the new record before {type(record).__name__}.{relation.key} is set to it.")
        setattr(record, key, target)

    return follow


def _fill_defaults(record: Resource, _args: Any, values: dict[str, Any]) -> None:
    """Give a new record its defaults at once: its own rules look at them before the first flush."""
    mapper = cast(Mapper[Any], inspect(type(record)))
    for relation in mapper.relationships:
        if relation.uselist:
            values.setdefault(relation.key, [])
    for name, value in defaults_of(type(record)).items():
        values.setdefault(name, value)


def defaults_of(model: type[Resource]) -> dict[str, Any]:
    """Return the values that a new record of `model` begins with, by attribute."""
    values = {}
    for prop in cast(Mapper[Any], inspect(model)).column_attrs:
        default = getattr(prop.columns[0], "default", None)
        if default is not None:
            values[prop.key] = default.arg(None) if default.is_callable else default.arg
    return values


_prepared: set[type[Resource]] = set()


@event.listens_for(Mapper, "after_configured")
def _bring_into_stored_form() -> None:
    for model in set(resources().values()) - _prepared:
        _prepared.add(model)
        event.listen(model, "init", _fill_defaults)
        for name, field in fields_of(model).items():
            if field.kind in _CLEANED:
                event.listen(getattr(model, name), "set", _clean_on_set(field), retval=True)
        for relation in cast(Mapper[Any], inspect(model)).relationships:
            if not relation.uselist and not relation.viewonly:
                event.listen(relation.class_attribute, "set", _set_key(relation))


@event.listens_for(Mapper, "after_configured")
def _number_once() -> None:
    """Let SQLite never give the number of a deleted record to another: history knows records by it."""
    for model in resources().values():
        cast(Table, cast(Mapper[Any], inspect(model)).local_table).dialect_kwargs["sqlite_autoincrement"] = True
