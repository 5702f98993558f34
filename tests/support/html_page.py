"""A page of HTML as a browser reads it: what it loads, links and shows."""

from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would load, link and show; a tag that is not closed is an error."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.loaded, self.count = [], [], [], [], Counter()
        self.pictures = Counter()  # by the innermost element with an id
        self.within = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.count[tag] += 1
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        self.loaded += [v for k, v in attrs if k in ("src", "srcset", "data", "action", "poster")]
        if tag in ("link", "use", "image"):
            self.loaded += [v for k, v in attrs if k in ("href", "xlink:href")]
        if tag == "img":
            assert found["alt"]
            self.pictures[next((name for name in reversed(self.within) if name), "")] += 1
        if tag not in VOID:
            self.open.append(tag)
            self.within.append(found.get("id", "") if tag == "section" else "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.within.pop()

    def handle_data(self, data):
        self.words += data
