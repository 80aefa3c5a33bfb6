"""How each person likes their screens: kept by the house, without history and without rights of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .. import writes
from ..models.personal import Preference


def preferences(session: Session, user_id: int, names: Iterable[str]) -> dict[str, Any]:
    """Return what the person keeps under `names`; what they never chose is left out."""
    wanted = Preference.user_id == user_id, Preference.name.in_(list(names))
    return {row.name: row.value for row in session.execute(select(Preference.name, Preference.value).where(*wanted))}


def prefer(user_id: int, name: str, value: Any) -> None:
    """Keep `value` under `name` for the person, instead of what was there."""
    with writes.bookkeeping() as session:
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        statement = dialect.insert(Preference).values(user_id=user_id, name=name, value=value)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["user_id", "name"], set_={"value": statement.excluded.value}
            )
        )
