"""Names of things of which several have one word."""

from collections import Counter
from collections.abc import Sequence


def number_words(words: Sequence[str]) -> list[str]:
    """The words, with a number from 1 where a word stands more than once: conv1, pool, conv2."""
    totals, seen = Counter(words), Counter[str]()
    names = []
    for word in words:
        seen[word] += 1
        names.append(f"{word}{seen[word]}" if totals[word] > 1 else word)
    return names
