"""The colours: every text on every ground of both themes is read with ease, and every field's edge is seen."""

import re
from pathlib import Path

import pytest

STYLES = Path(__file__).resolve().parents[2] / "backoffice" / "static" / "css"
TOKENS = (STYLES / "tokens.css").read_text(encoding="utf-8")
SHEETS = {path.name: path.read_text(encoding="utf-8") for path in STYLES.glob("*.css")}

#: Grounds of whole surfaces, and what is written on any of them.
GROUNDS = ("page", "card", "hover", "selected")
TEXTS = ("text", "muted", "link", "failed")

#: WCAG asks for 4.5; eight hours a day ask for more.
READABLE = 5.5
VISIBLE = 3.0


def palette(theme: str) -> dict[str, str]:
    block = re.search(rf'\[data-bs-theme="{theme}"\] \{{(.*?)\}}', TOKENS, re.DOTALL)
    assert block, theme
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})\b", block[1]))


THEMES = {theme: palette(theme) for theme in ("light", "dark")}


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def written_pairs() -> set[tuple[str, str]]:
    """Return the pairs of text and ground that some rule of ours sets together."""
    pairs = set()
    for sheet in SHEETS.values():
        for body in re.findall(r"\{([^{}]*)\}", sheet):
            text = re.search(r"(?<![-\w])color:\s*var\(--([\w-]+)\)", body)
            ground = re.search(r"(?<![-\w])background(?:-color)?:\s*var\(--([\w-]+)\)", body)
            if text and ground:
                pairs.add((text[1], ground[1]))
    return pairs


def pairs(theme: str) -> set[tuple[str, str]]:
    """Return every pair of text and ground of a theme: by name, by surface, and by the rules."""
    named = {(name.removesuffix("-bg"), name) for name in THEMES[theme] if name.endswith("-bg")}
    surfaces = {(text, ground) for text in TEXTS for ground in GROUNDS}
    buttons = {("on-primary", "primary"), ("on-primary", "primary-hover")}
    return named | surfaces | buttons | written_pairs()


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


def test_the_rules_set_pairs_at_all() -> None:
    assert {("card", "text"), ("on-primary", "primary")} <= written_pairs()


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_is_readable_on_its_ground(theme: str) -> None:
    colours = THEMES[theme]
    unknown = {name for pair in pairs(theme) for name in pair} - set(colours)
    assert unknown == set(), "a colour of a rule is none of the tokens"
    faint = {
        f"--{text} on --{ground}": round(found, 2)
        for text, ground in pairs(theme)
        if (found := contrast(colours[text], colours[ground])) < READABLE
    }
    assert faint == {}


@pytest.mark.parametrize("theme", THEMES)
def test_the_edge_of_a_field_and_the_focus_ring_are_seen(theme: str) -> None:
    colours = THEMES[theme]
    faint = {
        f"--{edge} on --{ground}": round(found, 2)
        for edge in ("input-line", "link", "failed")
        for ground in GROUNDS
        if (found := contrast(colours[edge], colours[ground])) < VISIBLE
    }
    assert faint == {}


def test_both_themes_have_the_same_tokens() -> None:
    assert set(THEMES["light"]) == set(THEMES["dark"])


def test_every_colour_is_a_token() -> None:
    """A colour written into a rule is one that no theme changes and no test sees."""
    found = {
        f"{name}: {colour}"
        for name, sheet in SHEETS.items()
        if name != "tokens.css"
        for colour in re.findall(r"#[0-9a-f]{3,8}\b(?=[^{}]*[;}])", _without_declarations(sheet), re.IGNORECASE)
    }
    assert found == set()


def _without_declarations(sheet: str) -> str:
    """Return the rules of a sheet for screens, without what it declares as tokens of its own."""
    return re.sub(r"--[\w-]+:[^;}]*", "", sheet.split("@media print")[0])


def test_every_token_that_is_used_is_declared() -> None:
    declared = set(re.findall(r"(--[\w-]+):", "".join(SHEETS.values())))
    used = set(re.findall(r"var\((--(?!tblr-)[\w-]+)", "".join(SHEETS.values())))
    assert used <= declared
