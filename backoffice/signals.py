"""Signals of the house. They fire after the commit, in the process that committed; a listener must not write."""

from __future__ import annotations

from blinker import Namespace

_namespace = Namespace()

#: Sent after a unit was committed. Sender: the kind of source ("form", "import" …). Argument `change_set_id`: int.
change_set_committed = _namespace.signal("change-set-committed")
