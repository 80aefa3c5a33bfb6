"""Passwords: which are accepted, how they are kept, how one is checked.

Rules after NIST SP 800-63B: long, any character, no composition rules, none that is well known. Hashes are Argon2id
with the parameters that the OWASP Password Storage Cheat Sheet names.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app

from ..errors import Refused
from ..i18n import _

SHORTEST = 12
LONGEST = 256

#: Text beyond this is not even normalised; NFKC may join several characters into one, never this many.
LONGEST_RAW = 4 * LONGEST

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1

#: Words that the commonest passwords consist of, alone or with digits and signs around them.
COMMON_WORDS = frozenset(
    """
    password passwort passwords motdepasse contrasena contraseña passw0rd p@ssw0rd p@ssword pa$$word
    qwerty qwertyuiop qwertzuiop azertyuiop qwertyui asdfghjkl qwertyuiopasdfghjkl zxcvbnm qazwsx qazwsxedc
    letmein letmeinnow welcome willkommen bienvenue bonjour iloveyou iloveyouforever ichliebedich jetaime teamo
    changeme changemenow changeit default secret topsecret trustno administrator administrateur admin adminadmin root
    superuser backoffice backofficeadmin manager princess sunshine football baseball liverpool superman starwars
    pokemon whatever computer internet dragon monkey master shadow michael jennifer abcdefghijkl abcdefghijklm
    abcdefghijklmnop correcthorsebatterystaple test testtest testing guest user login passphrase opensesame
    """.split()
)

#: Rows of keys and digits; a password that is a piece of one, in either direction, is a guess.
ROWS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()_+",
)

#: Characters of generated passwords: none that is taken for another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def generate() -> str:
    """Return a password of 20 random characters in groups of five, 99 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _char in range(5)) for _group in range(4))


def checked(password: str, email: str) -> str:
    """Return `password` in the form that is hashed. Raises Refused for one that is short, long, known or unusable."""
    normal = _normal(password)
    if normal is None:
        raise _refused(_("Password: more than %(max)s characters are too many. Shorten it.", max=LONGEST))
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in normal):
        raise _refused(_("Password: it holds a character that cannot be typed. Use letters, digits, signs and spaces."))
    if len(normal) < SHORTEST:
        raise _refused(
            _("Password: %(count)s characters are too few. Use at least %(min)s.", count=len(normal), min=SHORTEST)
        )
    if _is_known(normal.casefold(), email.casefold()):
        raise _refused(
            _("Password: this one is easily guessed. Choose another, such as four words that do not belong.")
        )
    return normal


def hash_of(password: str, email: str) -> str:
    """Return the hash of an accepted password. Raises Refused."""
    return _hasher().hash(checked(password, email))


def rehash(password: str) -> str:
    """Return a new hash of a password that was accepted once, be it by rules that have changed since."""
    return _hasher().hash(_normal(password) or "")


def matches(stored: str | None, password: str) -> bool:
    """Return whether `password` is the one that `stored` was made from.

    Takes the time of one check in every case, also where nothing is stored or the password cannot be one.
    """
    normal = _normal(password)
    known = stored if stored and normal is not None else None
    try:
        _hasher().verify(known or _nobody(), (normal or "").encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


def is_outdated(stored: str) -> bool:
    """Return whether `stored` was made with other parameters than those of today."""
    return _hasher().check_needs_rehash(stored)


def _normal(password: str) -> str | None:
    """Return `password` in NFKC, as SP 800-63B asks for, None when it is too long to be one."""
    if len(password) > LONGEST_RAW:
        return None
    normal = unicodedata.normalize("NFKC", password)
    return normal if len(normal) <= LONGEST else None


def _is_known(password: str, email: str) -> bool:
    name, _at, _domain = email.partition("@")
    letters = password.strip("".join(char for char in set(password) if not char.isalpha()))
    if password in (email, name) or (letters in (email, name)):
        return True
    unit = _repeated(password)
    if len(unit) <= 4 or letters in COMMON_WORDS or _repeated(letters) in COMMON_WORDS or unit in COMMON_WORDS:
        return True
    return any(password in row or password[::-1] in row for row in (*ROWS, *(row + row for row in ROWS)))


def _repeated(text: str) -> str:
    """Return the shortest piece that `text` repeats: `abc` of `abcabcabcab`, the text itself when it repeats none."""
    for length in range(1, len(text) // 2 + 1):
        if all(char == text[place % length] for place, char in enumerate(text)):
            return text[:length]
    return text


def _refused(message: str) -> Refused:
    return Refused(message, "password")


def _hasher() -> PasswordHasher:
    # A test suite signs in hundreds of times; what it checks does not depend on the cost.
    return _cheap() if current_app.testing else _strong()


@cache
def _strong() -> PasswordHasher:
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def _cheap() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@cache
def _nobody_like(cost: tuple[int, int, int]) -> str:
    memory, passes, lanes = cost
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${digest}"


def _nobody() -> str:
    """Return a hash that no password has, as costly to check as any other."""
    hasher = _hasher()
    return _nobody_like((hasher.memory_cost, hasher.time_cost, hasher.parallelism))
