"""The door: every write of the house goes through a unit, which commits once and leaves one change set."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NoReturn, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Table, event, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.exc import StaleDataError

from . import guard, policy
from .backends import search
from .backends.rows import insert_many
from .errors import NotFound, Refused, WriteRefused
from .extensions import db
from .i18n import Phrase
from .models.base import Resource, fields_of
from .models.history import Change, ChangeSet, OutboxMessage
from .models.search_entry import searched_text
from .policy import Actor
from .recording import Draft, Recorder
from .refusals import explain
from .signals import change_set_committed

M = TypeVar("M", bound=Resource)
R = TypeVar("R")

CHANGES = cast(Table, Change.__table__)

#: How often a unit is tried when the database gave up on it for the sake of another.
ATTEMPTS = 3

#: How often it is tried when another took a unique value, or what it refers to, first: each time somebody got through,
#: and what is free or clear to say is known then.
CLASHES = 5

#: Tables that hold no resource and leave no history: who may be slowed down, what was sent, what is searched, how each
#: person likes their screens, who is looking at what, figures that are kept for a while.
BOOKKEEPING = frozenset(
    {
        *("sign_in_throttle", "outbox_message", "search_entry", search.FULL_TEXT.name),
        *("preference", "saved_view", "presence", "figure"),
    }
)

#: PostgreSQL's serialization failure and deadlock. Who waited for a lock in vain waited long enough.
_RETRIED = frozenset({"40001", "40P01"})

_current: ContextVar[Unit | None] = ContextVar("unit", default=None)
_rules: dict[str, list[Rule]] = {}


class AlreadyDone(Exception):
    """This request was carried out before; `change_set_id` is what it did."""

    def __init__(self, change_set_id: int) -> None:
        super().__init__(change_set_id)
        self.change_set_id = change_set_id


@dataclass
class Receipt:
    """What a unit did: its change set (None when nothing differed in the end) and its changes."""

    change_set_id: int | None = None
    changes: list[Draft] = field(default_factory=list)


class DoorSession(Session):
    """The session of a unit: flushes are recorded, and the unit alone ends it, as a whole or by a savepoint."""

    held: guard.Pass

    def flush(self, objects: Any = None) -> None:
        with self.held.opened():
            super().flush(objects)

    def commit(self) -> None:
        self._refuse_ending()
        super().commit()

    def rollback(self) -> None:
        self._refuse_ending()
        super().rollback()

    def close(self) -> None:
        self._refuse_ending()
        super().close()

    def reset(self) -> None:
        self._refuse_ending()
        super().reset()

    def invalidate(self) -> None:
        self._refuse_ending()
        super().invalidate()

    def begin_nested(self) -> NoReturn:
        raise WriteRefused("What may fail by itself stands in `with unit.attempt():`.")

    def savepoint(self) -> SessionTransaction:
        """Open a savepoint; the unit calls it, which forgets what is rolled back."""
        return super().begin_nested()

    def _refuse_ending(self) -> None:
        if not self.held.ends:
            raise WriteRefused("The unit commits or rolls back when its block ends.")


class Unit:
    """One deed under way: `session` reads and writes, `actor` is who does it."""

    def __init__(self, session: DoorSession, actor: Actor, source: str, title: str | Phrase) -> None:
        self.session = session
        self.actor = actor
        self.source = source
        self.entitle(title)
        self.undo_of_id: int | None = None
        self.continues: int | None = None
        self.request_id: str | None = None
        self.receipt = Receipt()
        self._recorder = Recorder(self._discreet)
        self._messages: list[tuple[str, Mapping[str, Any]]] = []
        session.info["derive"] = self.derive
        session.info["shown_name"] = self.shown_name
        event.listen(session, "before_flush", self._recorder.before_flush)

    def entitle(self, title: str | Phrase) -> None:
        """Say what is done, where that is known only on the way."""
        self.title = title.in_english if isinstance(title, Phrase) else title
        self.phrase = title.encoded() if isinstance(title, Phrase) else None

    def get(self, model: type[M], key: int, lock: bool = True) -> M:
        """Return the record, locked until the unit ends. Raises NotFound."""
        record = self.session.get(model, key, with_for_update={"of": model} if lock else None, populate_existing=lock)
        if record is None:
            raise NotFound(model.resource.name, key)
        return record

    def locked(self, model: type[M], keys: list[int]) -> list[M]:
        """Return the records that exist of `keys`, locked in ascending order so that two units never cross."""
        statement = select(model).where(model.id.in_(keys)).order_by(model.id).with_for_update(of=model)
        return list(self.session.scalars(statement, execution_options={"populate_existing": True}))

    def add(self, record: M) -> M:
        """Add a new record to the unit."""
        self.session.add(record)
        return record

    def derive(self, model: type[Resource], condition: ColumnElement[bool], values: Mapping[str, Any]) -> None:
        """Set derived columns, which history does not keep, on the rows of `model` that meet `condition`."""
        if recorded := sorted(fields_of(model).keys() & values.keys()):
            raise WriteRefused(f"{', '.join(recorded)} of {model.__name__} would leave no trace in history.")
        statement = update(model).where(condition).values(values)
        with self.session.held.opened():
            self.session.execute(statement, execution_options={"synchronize_session": False})

    def shown_name(self, record: Resource) -> str:
        """Return what `record` is called, its number where the actor may not know its name."""
        return policy.name_of(self.actor, record)

    def _discreet(self, record: Resource, refused: Refused) -> Refused:
        state = inspect(record)
        if refused.field in state.mapper.column_attrs and state.attrs[refused.field].history.has_changes():
            # They set it themselves, as everyone may set some fields of their own profile.
            return refused
        return policy.discreet(self.actor, refused, type(record), record, new=not state.persistent)

    def emit(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Leave a message for the outside world, sent after the commit and only then."""
        self._messages.append((topic, payload))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Do a part that may fail by itself: on an error it is as if it had not been tried, and the error goes on.

        What records and rules say of the part they say here; the rules are asked again when the unit ends.
        """
        self.settle()
        mark = self._recorder.mark()
        changes, messages = len(self.receipt.changes), len(self._messages)
        try:
            with self.session.savepoint():
                yield
                self.settle()
                said = len(self._messages)
                self._check_rules([*self.receipt.changes[changes:], *self._recorder.since(mark)])
                del self._messages[said:]
        except BaseException:
            self._recorder.forget_since(mark)
            del self.receipt.changes[changes:], self._messages[messages:]
            # A category that is gone again may have been looked up, and what was held since is held no more.
            for name in ("categories", "held_categories", "referred"):
                self.session.info.pop(name, None)
            raise

    def record(self, drafts: list[Draft]) -> None:
        """Keep the changes of a set-based write; `bulk` calls it, nobody else."""
        self.receipt.changes.extend(drafts)

    def finish(self) -> None:
        """Flush, let records and rules settle, and write the change set with its changes and messages."""
        self.settle()
        drafts = self._recorder.drafts()
        if self._recorder.take_back(drafts):
            self.session.flush()
        self.receipt.changes.extend(drafts)
        self._index()
        self._check_rules(self.receipt.changes)
        with self.session.held.opened():
            if self.receipt.changes or self._messages:
                self._write_change_set()

    def settle(self) -> None:
        """Flush, and let the records that were touched check and compute what needs their keys, such as a path."""
        self.session.flush()
        while fresh := self._recorder.fresh():
            for item in fresh:
                self._recorder.settle(item)
                if not item.purged:
                    item.record.settled(self.session, item.changed_fields())
            self.session.flush()

    def _check_rules(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            for rule in _rules.get(draft.model.resource.name, ()):
                rule(self, draft)

    def _index(self) -> None:
        entries = []
        with self.session.held.opened():
            for item in self._recorder.touched.values():
                model = type(item.record)
                if not model.resource.search:
                    continue
                if item.purged:
                    search.forget(self.session.connection(), model.resource.name, item.record.id)
                elif item.created or item.changed_fields() & (searched_fields(model) | {"trashed_at"}):
                    entries.append(search_row(model, item.record.id, record_values(item.record)))
            search.store(self.session.connection(), entries)

    def _write_change_set(self) -> None:
        count = len(self.receipt.changes)
        if self.continues:
            key = self.continues
            counted = ChangeSet.change_count + count
            self.session.execute(update(ChangeSet).where(ChangeSet.id == key).values(change_count=counted))
        else:
            values = {
                "actor_id": self.actor.user_id,
                "actor_label": self.actor.label,
                "source": self.source,
                "title": self.title[:500],
                "phrase": self.phrase,
                "undo_of_id": self.undo_of_id,
                "request_id": self.request_id,
                "change_count": count,
            }
            key = self.session.scalars(insert(ChangeSet).values(values).returning(ChangeSet.id)).one()
        self.receipt.change_set_id = key
        if self.receipt.changes:
            insert_many(self.session.connection(), CHANGES, [draft.row(key) for draft in self.receipt.changes])
        if self._messages:
            self.session.execute(insert(OutboxMessage), [self._message(key, *message) for message in self._messages])

    def _message(self, key: int, topic: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        return {"message_id": str(uuid.uuid4()), "topic": topic, "payload": dict(payload), "change_set_id": key}


Rule = Callable[[Unit, Draft], None]


def rule(resource: str) -> Callable[[Rule], Rule]:
    """Register a rule that each change of `resource` must pass, by whatever way it comes; it raises Refused."""

    def register(check: Rule) -> Rule:
        _rules.setdefault(resource, []).append(check)
        return check

    return register


@contextmanager
def unit(
    actor: Actor,
    title: str | Phrase,
    source: str = "form",
    *,
    request_id: str | None = None,
    undo_of: int | None = None,
    continues: int | None = None,
    preview: bool = False,
) -> Iterator[Unit]:
    """Open the door: on leaving the block all of it is committed with its change set, or on an error none of it.

    `request_id` makes a repeated request of the same actor raise AlreadyDone, also one that comes while the first is
    under way. `continues` appends to a change set, as the next chunk of a long write does. With `preview` everything is
    worked out, rules included, and then rolled back: the receipt tells what would have happened. Raises Refused for
    what the database refuses.
    """
    _refuse_within_a_unit()
    held = guard.Pass(ends=False)
    engine = db.engine.execution_options(**{guard.OPTION: held})
    session = DoorSession(engine, expire_on_commit=False)
    session.held = held
    work = Unit(session, actor, source, title)
    work.undo_of_id, work.continues = undo_of, continues
    work.request_id = _request_of(actor, request_id) if request_id else None
    token = _current.set(work)
    try:
        if work.request_id:
            _refuse_repeated(session, work.request_id)
        yield work
        work.finish()
        held.ends = True
        if preview:
            session.rollback()
            work.receipt.change_set_id = None
        else:
            session.commit()
    except IntegrityError as error:
        raise explain(error) from error
    finally:
        _current.reset(token)
        held.ends = True
        session.close()
    if not preview:
        _after_commit(work)


def run(actor: Actor, title: str | Phrase, work: Callable[[Unit], R], **options: Any) -> tuple[R, Receipt]:
    """Do `work` in a unit, again from the start when another writer was faster, and return its result."""
    attempt = 0
    while True:
        attempt += 1
        try:
            with unit(actor, title, **options) as opened:
                result = work(opened)
        except (DBAPIError, StaleDataError) as error:
            if attempt >= ATTEMPTS or not _is_passing(error):
                raise
        except Refused as refused:
            if attempt >= CLASHES or not isinstance(refused.__cause__, IntegrityError):
                raise
        else:
            return result, opened.receipt


@contextmanager
def bookkeeping() -> Iterator[Session]:
    """Open a short transaction over the tables of BOOKKEEPING, which hold no resource."""
    _refuse_within_a_unit()
    held = guard.Pass(tables=BOOKKEEPING)
    with Session(db.engine.execution_options(**{guard.OPTION: held})) as session:
        yield session
        session.commit()


@contextmanager
def replacing() -> Iterator[Connection]:
    """Open every table for a restore, which brings its own history: all of it is committed, or on an error none.

    Nobody else reads or writes meanwhile on PostgreSQL, or writes on SQLite.
    """
    _refuse_within_a_unit()
    held = guard.Pass(open=1)
    _look_anew()
    with db.engine.execution_options(**{guard.OPTION: held}).begin() as connection:
        if connection.dialect.name == "postgresql":
            # One statement may empty a table of a million rows.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            names = ", ".join(f'"{table.name}"' for table in db.metadata.sorted_tables)
            connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        yield connection
    _look_anew()


def searched_fields(model: type[Resource]) -> frozenset[str]:
    """Return the names of the fields whose words are searched."""
    declared = model.resource.search
    return frozenset(declared) | {f.name for f in fields_of(model).values() if f.entry_prefix in declared}


def record_values(record: Resource) -> dict[str, object]:
    """Return the values of `record` that its search entry is made from."""
    return {name: getattr(record, name) for name in searched_fields(type(record)) | {"trashed_at"}}


def search_row(model: type[Resource], key: int, values: dict[str, object]) -> dict[str, Any]:
    """Return the search entry of a record with `values`, the moment of its trash included."""
    heading, body = searched_text(model, values)
    live = values["trashed_at"] is None
    return {"resource": model.resource.name, "record_id": key, "heading": heading, "body": body, "live": live}


def _refuse_within_a_unit() -> None:
    # SQLite would wait for itself, PostgreSQL perhaps: a second connection does not see what the first one did.
    if _current.get() is not None:
        raise WriteRefused("A unit is open already; pass it on instead of opening another.")


def _request_of(actor: Actor, request_id: str) -> str:
    """Return the id under which the request is kept: that of somebody else is another one."""
    return sha256(f"{actor.user_id} {actor.label} {request_id}".encode("utf-8", "surrogatepass")).hexdigest()


def _refuse_repeated(session: Session, request_id: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        # Sent twice at once: the second waits for what the first did. SQLite has one writer anyway.
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(request_id, 0))))
    done = session.scalar(select(ChangeSet.id).where(ChangeSet.request_id == request_id))
    if done:
        # It may have been done after the asking request began to read.
        _look_anew()
        raise AlreadyDone(done)


def _look_anew() -> None:
    """Let the reading session see what was just written, not the moment at which the request began."""
    if db.session.registry.has():
        db.session.rollback()


def _after_commit(work: Unit) -> None:
    _look_anew()
    if work.receipt.change_set_id:
        change_set_committed.send(work.source, change_set_id=work.receipt.change_set_id)


def _is_passing(error: Exception) -> bool:
    if isinstance(error, StaleDataError):
        return True
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _RETRIED
