"""What the product refuses, in the words of the person who asked."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """A rule said no; nothing was written.

    `message` is a translated sentence that says what to do; `field` names the field that it belongs to, None when it
    is about the record as a whole. `remedy` may carry what a screen offers next, such as the trashed record that
    holds the same SKU.
    """

    def __init__(self, message: object, field: str | None = None, remedy: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.remedy = dict(remedy or {})

    def __str__(self) -> str:
        return str(self.message)


class NotFound(Exception):
    """The record does not exist for this person: a row out of reach answers like a row that is not there."""

    def __init__(self, resource: str, key: object) -> None:
        super().__init__(f"{resource} {key}")
        self.resource = resource
        self.key = key


class WriteRefused(RuntimeError):
    """Code tried to write by another way than the door; a fault of the program, never of a person."""
