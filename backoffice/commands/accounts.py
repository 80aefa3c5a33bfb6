"""`users` and `roles`: the way in when nobody can sign in yet, or any more."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup
from sqlalchemy import select

from .. import policy, writes
from ..extensions import db
from ..i18n import phrase
from ..models.role import Role
from ..models.user import User
from ..operations import accounts, passwords, throttle
from ..writes import Unit
from .outcome import OPERATOR, told

users = AppGroup("users", help="People who sign in.")
roles = AppGroup("roles", help="Roles that people can hold.")

GROUPS = (users, roles)

password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from the standard input.")


@users.command("create")
@click.argument("email")
@click.option("--role", "keys", multiple=True, required=True, help="Key of a role, as `roles list` prints it first.")
@click.option("--name", help="The person's name.")
@password_stdin
@told
def create(email: str, keys: tuple[str, ...], name: str | None, password_stdin: bool) -> None:
    """Create a person; without --password-stdin a password is made up and printed once."""
    password = _password(password_stdin)

    def work(unit: Unit) -> User:
        user = accounts.create_user(unit, email, accounts.roles_of_keys(unit, keys), name, password)
        unit.entitle(phrase("Create: %(name)s", name=str(user)))
        return user

    user, _receipt = writes.run(OPERATOR, "users create", work, source="command")
    click.echo(f"Created {user.email} with: {', '.join(role.name for role in user.roles)}")
    _print_once(password, password_stdin)


@users.command("reset")
@click.argument("email")
@password_stdin
@told
def reset(email: str, password_stdin: bool) -> None:
    """Set a new password; all sessions of the person end."""
    password = _password(password_stdin)

    def work(unit: Unit) -> User:
        user = accounts.user_of(unit, email)
        accounts.set_password(unit, user, password)
        unit.entitle(phrase("Reset the password: %(name)s", name=str(user)))
        return user

    user, _receipt = writes.run(OPERATOR, "users reset", work, source="command")
    throttle.forget(user.email)
    click.echo(f"Reset the password of {user.email}")
    _print_once(password, password_stdin)
    if user.trashed_at or not user.active:
        click.echo("This person is not active and cannot sign in until an administrator activates them.", err=True)


@users.command("ensure-first")
@click.option("--email", default=accounts.FIRST_ADDRESS, show_default=True, help="Address of the administrator.")
@told
def ensure_first(email: str) -> None:
    """Create the first administrator; does and prints nothing when one can sign in already."""
    made = accounts.ensure_first_administrator(OPERATOR, email)
    if made:
        address, password = made
        click.echo(f"Sign in as: {address}")
        _print_once(password, False)


@roles.command("list")
@told
def list_roles() -> None:
    """Print each role: key, name, and its letters (create, read, update, delete) for each resource."""
    statement = select(Role).where(Role.trashed_at.is_(None)).order_by(Role.id)
    rows = [(role.key, role.name, _letters(role)) for role in db.session.scalars(statement)]
    widths = [max((len(row[place]) for row in rows), default=0) for place in (0, 1)]
    for key, name, letters in rows:
        click.echo(f"{key:<{widths[0]}}  {name:<{widths[1]}}  {letters}")


def _letters(role: Role) -> str:
    holder = policy.Actor(None, role.name, (policy.rights_of(role),))
    return " ".join(f"{line}:{policy.letters(holder, line)}" for line in policy.matrix_lines())


def _password(from_stdin: bool) -> str:
    if not from_stdin:
        return passwords.generate()
    # One line: what a shell pipes ends with a line end that is no part of the password.
    return sys.stdin.read(2 * passwords.LONGEST_RAW).partition("\n")[0].removesuffix("\r")


def _print_once(password: str, given: bool) -> None:
    if not given:
        click.echo(f"One-time password (shown only now; change it under Profile): {password}")
