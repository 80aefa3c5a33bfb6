"""Words for a big catalogue, spread as in real ones: a few in every twenty-fifth name, very many seen a few times."""

from __future__ import annotations

from itertools import accumulate
from random import Random

LEADING_LETTERS = ("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "rs", "tw")
LEADING_TAILS = ("ralden", "revik", "rimmo", "ronda", "rulis", "ryste")

COMMON = """
black white steel oak small large blue classic round soft grey cotton wooden glass folding green light natural set
double red deep brass linen matt long heavy open walnut square kids warm mini outdoor wool ceramic dark slim recycled
travel copper ash flat plain gold hand striped yellow organic wall silver cork tall winter rose stone quiet garden
beech paper summer bright curved marble bamboo felt clear smoked office iron wide rustic coastal velvet pine amber
nordic ribbed pocket woven stacking enamelled leather portable rattan modular sand washed quilted sage etched
""".split()

NOUNS = """
lamp bowl chair plate basket cushion notebook kettle puzzle blanket mug vase shelf tray clock rug towel print pan jug
planter candle stool mirror board game glass knife teapot lantern hook curtain pencil apron carafe napkin frame block
kite bench crate jar spoon poster ladder bell watering-can mat stand puppet brush tin bottle bag calendar globe scale
whisk feeder sketchbook
""".split()

VOCABULARY = 8_000

#: Flattens the head of the curve: the most frequent word then stands in about 4 % of names with three drawn words.
_SHIFT = 10
_CONSONANTS, _VOWELS = "bdfghklmnprstv", "aeiou"
_SYLLABLES = [consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS]

#: Share of names that hold a rare word, and how often each rare word is seen on average.
RARE_SHARE = 0.15
RARE_SEEN = 2.5

_FREQUENCIES = list(accumulate(1 / (rank + _SHIFT) for rank in range(1, VOCABULARY + 1)))


def invented(number: int, syllables: int) -> str:
    """Return the invented word `number`; neighbouring numbers give words that look unlike each other."""
    size = len(_SYLLABLES) ** syllables
    # A multiplier prime to the size visits every word once.
    scattered = number * 2_147_483_647 % size
    word = ""
    for _ in range(syllables):
        scattered, place = divmod(scattered, len(_SYLLABLES))
        word += _SYLLABLES[place]
    return word


VOCABULARY_WORDS = [*COMMON, *(invented(number, 3) for number in range(VOCABULARY - len(COMMON)))]


def common_words(random: Random, count: int) -> list[str]:
    """Return `count` words drawn by Zipf's law (in Mandelbrot's form)."""
    return random.choices(VOCABULARY_WORDS, cum_weights=_FREQUENCIES, k=count)


def rare_word(random: Random, products: int) -> str:
    """Return a word that a catalogue of `products` holds one to five times."""
    return invented(random.randrange(max(1, int(products * RARE_SHARE / RARE_SEEN))), 4)


def leading_words(top: int) -> list[str]:
    """Return the words with which names in the top category `top` begin, a stretch of the alphabet of its own."""
    letters = LEADING_LETTERS[top % len(LEADING_LETTERS)]
    return [f"{letter}{'' if letter in _VOWELS else 'a'}{tail}" for letter in letters for tail in LEADING_TAILS]
