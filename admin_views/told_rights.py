"""What a change of rights means, in whole sentences: one for each verb, with all that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backoffice.i18n import _, _l, within_sentence
from backoffice.models.base import find_field, resources
from backoffice.models.role import EVERYTHING
from backoffice.operations.rights_change import Difference, FieldLine, Line
from backoffice.policy import RoleRights
from backoffice.web.errors import AREA_LABELS, GRANTS

from . import formats

#: Verb -> what somebody may do from now on, and what no more.
VERB_SENTENCES: dict[str, tuple[Any, Any]] = {
    "read": (_l("%(who)s may now see %(what)s."), _l("%(who)s may no longer see %(what)s.")),
    "create": (_l("%(who)s may now create %(what)s."), _l("%(who)s may no longer create %(what)s.")),
    "update": (_l("%(who)s may now change %(what)s."), _l("%(who)s may no longer change %(what)s.")),
    "delete": (_l("%(who)s may now delete %(what)s."), _l("%(who)s may no longer delete %(what)s.")),
    "publish": (_l("%(who)s may now publish %(what)s."), _l("%(who)s may no longer publish %(what)s.")),
    "import": (_l("%(who)s may now import %(what)s."), _l("%(who)s may no longer import %(what)s.")),
    "export": (_l("%(who)s may now export %(what)s."), _l("%(who)s may no longer export %(what)s.")),
}

#: The same for a verb that a package brought.
OTHER_VERB = (
    _l("%(who)s now holds “%(verb)s” on %(what)s."),
    _l("%(who)s no longer holds “%(verb)s” on %(what)s."),
)

#: Fields that are seen, and that may be changed, from now on and no more.
SEEN = (_l("%(who)s now sees %(fields)s."), _l("%(who)s no longer sees %(fields)s."))
FREE = (_l("%(who)s may now change %(fields)s."), _l("%(who)s may no longer change %(fields)s."))


def what(name: str) -> str:
    """Return what the line `name` of the matrix is called."""
    model = resources().get(name)
    return str(model.resource.plural if model else AREA_LABELS.get(name, name))


def quoted(name: str) -> str:
    """Return a name in the quotation marks of the reader."""
    return _("“%(name)s”", name=name)


def right(line: Line) -> str:
    """Return the name of a right, as refusals name it."""
    name, verb = line
    label = str(GRANTS[verb]) % {"what": what(name)} if verb in GRANTS else f"{name}:{verb}"
    return quoted(label)


def grant(text: str) -> str:
    """Return the name of a grant such as `product:update`."""
    if text == EVERYTHING:
        return quoted(_("Everything, also what comes later"))
    name, _colon, verb = text.partition(":")
    return right((name, verb))


def grants(texts: Iterable[str]) -> str:
    """Return what grants such as `product:update` give together: each verb once, with all that it is held on."""
    held: dict[str, list[str]] = {}
    for text in texts:
        if text == EVERYTHING:
            return _("Everything, also what comes later")
        name, _colon, verb = text.partition(":")
        held.setdefault(verb, []).append(what(name))
    return " · ".join(
        str(GRANTS.get(verb, f"{verb}: %(what)s")) % {"what": formats.listed(held[verb])} for verb in held
    )


def field(name: str, key: str) -> str:
    """Return what a field of a resource is called away from its form."""
    model = resources().get(name)
    found = find_field(model, key) if model else None
    return _("%(field)s (%(what)s)", field=found[0].label if found else key, what=what(name))


def of_a_role(who: str, before: RoleRights, after: RoleRights, found: Difference) -> list[str]:
    """Return what changes of a role named `who`, its limits to categories apart; `found` compares all that it gives."""
    said = []
    everything = EVERYTHING in before.grants, EVERYTHING in after.grants
    if everything == (False, True):
        said.append(_("%(who)s may now do everything, also what later releases bring.", who=who))
    else:
        if everything == (True, False):
            said.append(_("%(who)s no longer does everything by itself: only what is ticked counts.", who=who))
        said += _verbs(who, found)
    said += _of_fields(SEEN, who, _parted(before.hidden - after.hidden), _parted(after.hidden - before.hidden))
    return said + _of_fields(FREE, who, _parted(before.locked - after.locked), _parted(after.locked - before.locked))


def of_places(
    who: str, removed: list[str], added: list[str], *, limited_before: bool, limited_after: bool
) -> list[str]:
    """Return what becomes of the limits of a role to the categories that were `removed` and `added`."""
    if not removed and not added:
        return []
    if not limited_before:
        return [_("%(who)s is now limited to %(places)s.", who=who, places=formats.listed(added))]
    if not limited_after:
        return [_("%(who)s now reaches the whole catalogue.", who=who)]
    said = []
    if added:
        said.append(_("%(who)s now also reaches %(places)s.", who=who, places=formats.listed(added)))
    if removed:
        said.append(_("%(who)s no longer reaches %(places)s.", who=who, places=formats.listed(removed)))
    return said


def of_a_person(who: str, found: Difference) -> list[str]:
    """Return what somebody gains and loses, whatever role it comes from."""
    said = _verbs(who, found)
    if found.wider:
        said.append(_("%(who)s reaches more categories by %(rights)s.", who=who, rights=_rights(found.wider)))
    if found.narrower:
        said.append(_("%(who)s reaches fewer categories by %(rights)s.", who=who, rights=_rights(found.narrower)))
    seen, unseen = _fields(found.fields_gained, "read"), _fields(found.fields_lost, "read")
    said += _of_fields(SEEN, who, seen, unseen)
    free = [one for one in _fields(found.fields_gained, "update") if one not in seen]
    locked = [one for one in _fields(found.fields_lost, "update") if one not in unseen]
    return said + _of_fields(FREE, who, free, locked)


def _verbs(who: str, found: Difference) -> list[str]:
    """Return a sentence for each verb that is gained, then for each that is lost."""
    said = []
    for at, lines in enumerate((found.gained, found.lost)):
        names: dict[str, list[str]] = {}
        for name, verb in lines:
            names.setdefault(verb, []).append(within_sentence(what(name)))
        for verb in (*VERB_SENTENCES, *sorted(names.keys() - VERB_SENTENCES.keys())):
            if verb in names:
                sentence = VERB_SENTENCES.get(verb, OTHER_VERB)[at]
                said.append(str(sentence) % {"who": who, "what": formats.listed(names[verb]), "verb": verb})
    return said


def _of_fields(sentences: tuple[Any, Any], who: str, gained: list[str], lost: list[str]) -> list[str]:
    """Return a sentence for the fields that are gained, and one for those that are lost."""
    pairs = zip(sentences, (gained, lost), strict=True)
    return [str(sentence) % {"who": who, "fields": formats.listed(fields)} for sentence, fields in pairs if fields]


def _fields(lines: Iterable[FieldLine], verb: str) -> list[str]:
    return [field(name, key) for name, held, key in lines if held == verb]


def _parted(names: Iterable[str]) -> list[str]:
    """Return what the fields `names`, such as `product.cost`, are called."""
    return [field(*name.partition(".")[::2]) for name in sorted(names)]


def _rights(lines: Iterable[Line]) -> str:
    return formats.listed(right(line) for line in lines)


def _fields_together(names: Iterable[str]) -> str:
    """Return what the fields `names` are called, as one enumeration."""
    return formats.listed(_parted(names))


formats.TOLD_LISTS |= {
    "role.grants": grants,
    "role.hidden_fields": _fields_together,
    "role.locked_fields": _fields_together,
}
