"""Every endpoint asks a verb; an endpoint without one is closed."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import abort
from flask_admin import BaseView

from backoffice import policy
from backoffice.policy import Actor
from backoffice.web.errors import ask_to_sign_in
from backoffice.web.people import current_actor, is_signed_in


class GuardedView(BaseView):
    """A view whose endpoints are closed unless `VERB_OF` names what each of them asks."""

    #: Endpoint -> (resource, verb) that it asks; `OPEN` for what everyone signed in may see.
    VERB_OF: ClassVar[dict[str, tuple[str, str]]] = {}
    OPEN: ClassVar[tuple[str, str]] = ("", "")

    group: str = "work"
    icon: str = "package"
    place: tuple[int, str] = (50, "")
    label: Any = ""

    @classmethod
    def is_complete(cls) -> bool:
        """Return whether the class is a view of its own, not ground for others."""
        return bool(cls.VERB_OF)

    @property
    def actor(self) -> Actor:
        """Return who asks; nobody outside of a request."""
        return current_actor()

    def right_of(self, endpoint: str) -> tuple[str, str] | None:
        """Return the resource and the verb that `endpoint` asks, None for one that is not listed."""
        return self.VERB_OF.get(endpoint)

    def is_accessible(self) -> bool:
        """Return whether the person may open the first page of this view."""
        return self._may("index_view")

    def _may(self, endpoint: str) -> bool:
        right = self.right_of(endpoint)
        if right == self.OPEN:
            return is_signed_in()
        return right is not None and policy.allows(self.actor, right[1], right[0])

    def _handle_view(self, name: str, **kwargs: Any) -> Any:
        if not is_signed_in():
            return ask_to_sign_in()
        right = self.right_of(name)
        if right is None:
            # Unknown means no.
            abort(403)
        if right != self.OPEN:
            policy.require(self.actor, right[1], right[0])
        return None

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        # Flask-Admin would call the view a second time after any TypeError inside it.
        return fn(self, *args, **kwargs)
