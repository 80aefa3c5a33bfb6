"""Slow down guessing: failed sign-ins are counted by account and by address, and each next try has to wait longer.

Keys are keyed hashes, so the table tells nobody who tried what. A try is counted before its password is checked and the
count is taken back when it was right: a burst of parallel tries finds no gap.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from flask import current_app
from sqlalchemy import case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .. import writes
from ..models.throttle import SignInThrottle
from ..models.types import utcnow

#: Failures that cost no waiting.
FREE = 5

#: Longest waits in seconds. For an account it is short: a stranger's failures must not lock its owner out.
LONGEST_ACCOUNT = 60
LONGEST_ADDRESS = 900

#: After so long without a failure all are forgotten.
FORGOTTEN = timedelta(hours=1)

#: Most rows that are kept; beyond that those with the fewest failures go first.
MOST_ROWS = 100_000

#: One in so many new keys tidies the table up.
_TIDYING = 64


@dataclass(frozen=True)
class Try:
    """One try to sign in: the keys under which it is counted. `address` is None where the network tells none."""

    account: str
    address: str | None


def try_of(email: str, address: str | None, lane: str = "") -> Try:
    """Return the try of somebody at the network address `address` to sign in as `email`.

    Tries in a `lane` are counted apart: strangers who guess do not get in the way of it.
    """
    network = _network(address)
    return Try(account_key(email, lane), _key("address", network) if network else None)


def account_key(email: str, lane: str = "") -> str:
    """Return the key under which tries to sign in as `email` are counted."""
    return _key(f"account {lane}", email)


def started(attempt: Try) -> int:
    """Count `attempt` against its account and return 0, or return the seconds to wait and count nothing."""
    now = utcnow()
    with writes.bookkeeping() as session:
        wait = _wait_at_address(session, attempt, now)
        if not wait:
            failures, last_at = _locked(session, attempt.account, now)
            wait = _left(failures, last_at, now, LONGEST_ACCOUNT)
        if not wait:
            _count(session, [attempt.account], now)
    return wait


def failed(attempt: Try) -> None:
    """Count a failure against the address; the account's was counted when the try began."""
    now = utcnow()
    with writes.bookkeeping() as session:
        if attempt.address:
            _count(session, [attempt.address], now)
        if int(attempt.account[:8], 16) % _TIDYING == 0:
            tidy(session, now)


def succeeded(attempt: Try) -> None:
    """Forget the failures of the account. Those of the address stay: its owner may own one account and guess others."""
    with writes.bookkeeping() as session:
        session.execute(delete(SignInThrottle).where(SignInThrottle.key == attempt.account))


def forget(email: str) -> None:
    """Let the owner of `email` try again at once, as after a reset of the password."""
    succeeded(try_of(email, None))


def tidy(session: Session, now: datetime) -> None:
    """Drop what is forgotten, and what is beyond the most rows that are kept."""
    session.execute(delete(SignInThrottle).where(SignInThrottle.last_at < now - FORGOTTEN))
    order = (SignInThrottle.failures.desc(), SignInThrottle.last_at.desc())
    beyond = select(SignInThrottle.key).order_by(*order).offset(MOST_ROWS)
    session.execute(delete(SignInThrottle).where(SignInThrottle.key.in_(beyond)))


def wait_after(failures: int, longest: int) -> int:
    """Return the seconds that the next try has to wait after `failures`: 1 after FREE, then 2, 4 … up to `longest`."""
    return 0 if failures < FREE else min(longest, 2 ** min(failures - FREE, 30))


def _wait_at_address(session: Session, attempt: Try, now: datetime) -> int:
    found = session.get(SignInThrottle, attempt.address) if attempt.address else None
    return _left(found.failures, found.last_at, now, LONGEST_ADDRESS) if found else 0


def _left(failures: int, last_at: datetime, now: datetime, longest: int) -> int:
    """Return the seconds that are still to wait, rounded up."""
    if now - last_at > FORGOTTEN:
        return 0
    left = (last_at - now).total_seconds() + wait_after(failures, longest)
    return max(0, -int(-left // 1))


def _locked(session: Session, key: str, now: datetime) -> tuple[int, datetime]:
    """Return failures and last moment of `key`; its row, made if need be, is locked until the transaction ends."""
    upsert = _insert(session, [key], now, failures=0).on_conflict_do_update(
        index_elements=["key"], set_={"key": SignInThrottle.key}
    )
    row = session.execute(upsert.returning(SignInThrottle.failures, SignInThrottle.last_at)).one()
    return row.failures, row.last_at


def _count(session: Session, keys: Iterable[str], now: datetime) -> None:
    """Add one failure to each of `keys`, whoever else does so at the same moment."""
    again = case((SignInThrottle.last_at < now - FORGOTTEN, 1), else_=SignInThrottle.failures + 1)
    upsert = _insert(session, keys, now, failures=1).on_conflict_do_update(
        index_elements=["key"], set_={"failures": again, "last_at": now}
    )
    session.execute(upsert)


def _insert(session: Session, keys: Iterable[str], now: datetime, failures: int) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    rows = [{"key": key, "failures": failures, "last_at": now} for key in keys]
    return dialect.insert(SignInThrottle).values(rows)


def _key(kind: str, value: str) -> str:
    secret = str(current_app.secret_key).encode()
    return hmac.new(secret, f"sign-in {kind} {value}".encode("utf-8", "surrogatepass"), sha256).hexdigest()


def _network(address: str | None) -> str | None:
    """Return what one person has: an IPv4 address, or the /64 network that IPv6 gives to each household."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
