"""Which classes of recordings are words: the others are outputs of a net, never detections."""

import re

from .classes import Class

SILENCE, UNKNOWN = "silence", "unknown"
_OTHERS = {
    **dict.fromkeys(("silence", "noise", "background", "backgroundnoise"), SILENCE),
    **dict.fromkeys(("unknown", "other"), UNKNOWN),
}


def word_class(name: Class) -> Class:
    """The class of a folder of recordings: "silence", "unknown" or its name."""
    return _OTHERS.get(re.sub(r"[\s_-]", "", str(name)).lower(), name)


def is_word(name: Class) -> bool:
    """Whether a class is a keyword, which a net that listens may detect.

    No keywords are the classes called noise, background, background noise or silence, and other or
    unknown: in any case, and with underscores, hyphens or spaces anywhere.
    """
    return word_class(name) not in (SILENCE, UNKNOWN)
