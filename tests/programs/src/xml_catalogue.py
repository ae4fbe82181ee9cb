import xml.etree.ElementTree as ET


def xml_catalogue(text: str, least: float) -> str:
    """Keep the books of a catalogue that cost at least so much, cheapest first, as XML."""
    root = ET.fromstring(text)
    kept = sorted(
        (book for book in root.iter("book") if float(book.findtext("price", "0")) >= least),
        key=lambda book: float(book.findtext("price")),
    )
    out = ET.Element("catalogue", count=str(len(kept)))
    for book in kept:
        ET.SubElement(out, "book", id=book.get("id")).text = book.findtext("title")
    return ET.tostring(out, encoding="unicode")


def check(candidate):
    text = """<?xml version="1.0"?><shop xmlns:x="urn:x"><book id="1"><title>A &lt; B</title><price>9.5</price></book>
        <shelf><book id="2"><title>Übung</title><price>3</price></book><book id="3"/></shelf></shop>"""
    assert candidate(text, 1) == (
        '<catalogue count="2"><book id="2">Übung</book><book id="1">A &lt; B</book></catalogue>')
    assert candidate(text, 99) == '<catalogue count="0" />'
    try:
        candidate("<a><b></a>", 0)
    except ET.ParseError as error:
        assert error.position == (1, 8)
    else:
        assert False
    tree = ET.fromstring('<a><b k="1">x</b><b k="2">y</b></a>')
    assert tree.find("./b[@k='2']").text == "y"
