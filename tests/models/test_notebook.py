from dataclasses import replace
from html.parser import HTMLParser

from napari_colorizer.classes import Class, ClassMap


class Cells(HTMLParser):
    """The texts of a table's cells, and the tags that were seen."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_data(self, data):
        self.rows[-1][-1] += data


def shown(model):
    return dict(Cells(model._repr_html_()).rows)


def test_a_notebook_shows_networks_classes_and_terms(make_model):
    model = replace(make_model("mine"), license="CC0")
    rows = shown(model)
    assert rows["Model"] == "mine"
    assert rows["Segmenter"].startswith("GridNet of 0.")
    assert rows["Colorizer"].startswith("TwoStreamUNet of 0.")
    assert rows["License"] == "CC0"
    assert rows[f"{len(model.classes)} classes"].split() == [item.name for item in model.classes]
    assert all(item.color in model._repr_html_() for item in model.classes)


def test_a_notebook_shows_no_network_that_is_not_there(make_model):
    assert "Colorizer" not in shown(make_model(colorizer=False))


def test_a_notebook_names_the_classes_that_are_labeled_by_hand(make_model):
    model = make_model()
    more = replace(model, classes=model.classes.with_class(Class(4000, "zeppelin", "#112233")))
    assert "Not predicted" not in shown(model)
    assert shown(more)["Not predicted"] == "zeppelin"


def test_a_model_that_predicts_nothing_need_not_say_which_classes(make_model):
    assert "Not predicted" not in shown(make_model(segmenter=False))


def test_a_notebook_shows_some_of_very_many_classes(make_model):
    many = ClassMap(Class(label, f"thing {label}", "#112233") for label in range(1, 5001))
    text = replace(make_model(), classes=many)._repr_html_()
    assert "5000 classes" in text
    assert len(text) < 60_000


def test_what_a_model_file_says_is_text_and_never_markup(make_model):
    trap = "<script>alert(1)</script>"
    model = replace(make_model(trap), classes=ClassMap([Class(1, trap, "#112233")]), license=trap)
    cells = Cells(model._repr_html_())
    assert "script" not in cells.tags
    assert dict(cells.rows)["License"] == trap
