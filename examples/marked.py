"""Tables that scripts write into Markdown files, between two markers."""


def replaced(text: str, name: str, table: str) -> str:
    """Return a text with another table between the markers of this name, of which it has one pair."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, rest = text.split(start)
    _, after = rest.split(end)
    return before + start + table + end + after
