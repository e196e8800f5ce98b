"""Templates, tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import pytest

from distortion_heads.reports import markdown
from distortion_heads.reports.markdown import number, render, table

jinja2 = pytest.importorskip("jinja2")

Write = Callable[[str, str], None]


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch) -> Write:
    """Puts a template in the place of those of the package."""
    templates: dict[str, str] = {}
    monkeypatch.setattr(jinja2, "PackageLoader", lambda package: jinja2.DictLoader(templates))
    return templates.__setitem__


def test_tables_and_numbers() -> None:
    assert table(("a", "b", "c"), [("x", "1", "2")]) == "| a | b | c |\n| --- | ---: | ---: |\n| x | 1 | 2 |"
    assert [number(value) for value in (None, 0.12345, 1)] == ["–", "0.123", "1.000"]


def test_a_template_has_the_filters_of_the_reports(write: Write) -> None:
    write("a.md.j2", "{{ ['a', 'b'] | columns }}\n{% for x in values %}\n| {{ [x, 1] | numbers }} |\n{% endfor %}\n")
    assert render("a.md.j2", values=[None, 0.5]) == table(("a", "b"), [("–", "1.000"), ("0.500", "1.000")]) + "\n"
    write("b.md.j2", "{{ true | reached }}, {{ none | reached }}, {{ [1, 2] | mean | number }}")
    assert render("b.md.j2") == "yes, not measured, 1.500"


def test_no_value_makes_html_and_no_name_makes_markup(write: Write) -> None:
    write("a.md.j2", "{{ name }}")
    write("b.md.j2", "| {{ name | name }} |")
    write("a.html.j2", "{{ name }}")
    assert render("a.md.j2", name="<b> & | *\x1b\n2") == "&lt;b> & | *\\x1b\n2"
    assert render("b.md.j2", name="<b>\n|x|") == r"| &lt;b>\\n\|x\| |"
    assert render("a.html.j2", name="<b> &") == "&lt;b&gt; &amp;"


def test_a_name_that_is_not_given_is_an_error(write: Write) -> None:
    write("a.md.j2", "{{ missing }}")
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        render("a.md.j2")


def test_every_template_can_be_parsed() -> None:
    environment = jinja2.Environment()
    for name in ("numbers", "number", "columns", "reached", "mean", "name"):
        environment.filters[name] = str
    found = list(files(markdown.__package__).joinpath("templates").iterdir())
    assert {template.name for template in found} >= {"accuracy.md.j2", "evaluation.md.j2", "scalability.md.j2"}
    for template in found:
        environment.from_string(template.read_text(encoding="utf-8"))
