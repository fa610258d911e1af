"""The report is one file that shows the decision first and hides nothing."""

import tomllib
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest
from synthetic_posterior import diverging, family_names, synthetic_posterior

from bayeslaw.decisions import decision_sentences
from bayeslaw.decisions.optimum import optimal_ratios
from bayeslaw.errors import FailedChecksError, InputError
from bayeslaw.inference.posterior import Fitted, provenance
from bayeslaw.numbers import percent, probability_text
from bayeslaw.reports import report
from bayeslaw.reports.report_numbers import factor, listed, ratio
from bayeslaw.reports.report_record import study_name, to_toml

MAX_BYTES = 5_000_000
SECTIONS = [
    "decision",
    "curves",
    "ratios",
    "checks",
    "diagnostics",
    "model",
    "provenance",
]
ODD_NAMES = ("<b>x</b>", "\"><script>alert('x')</script>", "a & b")


class Page(HTMLParser):
    """Tags, text and images of a page, in order."""

    def __init__(self, html: str):
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        # Style sheets are no text of the page.
        if data.strip() and self.tags[-1][0] != "style":
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    """Reports of synthetic posteriors, each written once."""
    folder = tmp_path_factory.mktemp("reports")

    @cache
    def write(families: tuple[str, ...], model="partial_pooling", is_plain=False):
        posterior = synthetic_posterior(families, model, is_plain=is_plain)
        path = report(posterior, folder / "report.html", N=1.2e9, D=5e10)
        return Page(path.read_text(encoding="utf-8"))

    return write


def test_report_is_one_small_file_that_refers_to_nothing_else(page_of):
    page = page_of(family_names(3))
    assert len(page.html.encode()) < MAX_BYTES
    assert page.html.lower().startswith("<!doctype html>")
    assert not page.of("script")
    assert not page.of("link")
    assert "@import" not in page.html
    assert "url(" not in page.html
    assert all(
        image["src"].startswith("data:image/svg+xml;base64,")
        for image in page.of("img")
    )
    assert all(anchor["href"].startswith("#") for anchor in page.of("a"))


def test_every_pair_of_mixtures_and_every_part_of_the_regret_is_in_the_report(page_of):
    families = family_names(3)
    page, posterior = page_of(families), synthetic_posterior(families)
    decision = optimal_ratios(posterior, N=1.2e9, D=5e10)
    p = probability_text(decision.p_better["uniform"]["recommended"])
    assert f"recommended uniform recommended – > 0.99 uniform {p} –" in page.text
    for one in decision.families:
        assert percent(one.regret) in page.text
    assert any("every mixture costs" in image["alt"] for image in page.of("img"))


@pytest.mark.slow
def test_more_families_take_more_figures_and_fewer_pairs(page_of):
    page = page_of(family_names(7))
    assert len(page.html.encode()) < MAX_BYTES
    curves = page.html.split('<section id="curves">')[1].split("</section>")[0]
    assert curves.count("<img") == 2
    assert "the 6 families with the largest recommended ratios" in page.text


def test_sections_come_decision_first_and_contents_lead_to_them(page_of):
    page = page_of(family_names(3))
    assert [section["id"] for section in page.of("section")] == SECTIONS
    links = [anchor["href"] for anchor in page.of("a")]
    assert [f"#{name}" for name in SECTIONS] == [
        link for i, link in enumerate(links) if i > 0
    ]


def test_every_image_says_in_words_what_it_shows(page_of):
    images = page_of(family_names(3)).of("img")
    assert len(images) >= 10
    assert any("the priors expected" in image["alt"] for image in images)
    assert all(len(image["alt"]) > 20 for image in images)


def test_origin_stands_beside_every_number(page_of):
    page = page_of(family_names(3))
    assert page.html.count("<figcaption>") == len(page.of("img"))
    badge = '<span class="badge simulated">simulated</span>'
    for caption in page.html.split("<figcaption>")[1:]:
        assert caption.lstrip().startswith(badge)
    captions = [
        part.split("</caption>")[0] for part in page.html.split("<caption>")[1:]
    ]
    without = [caption for caption in captions if badge not in caption]
    assert without == ["Priors of the law&#39;s coordinates"]


def test_decision_shows_ratios_flatness_regret_and_extrapolation(page_of):
    families = family_names(3)
    page, posterior = page_of(families), synthetic_posterior(families)
    decision = optimal_ratios(posterior, N=1.2e9, D=5e10)
    start = page.text.index("Recommended mixture")
    text = page.text[start : page.text.index("Fitted law and data", start)]
    for name in families:
        assert f"{name} {ratio(decision.ratios[name])}" in text
    flatness = next(
        part for part in decision_sentences(decision) if "flat range" in part
    )
    assert '<p class="key">' + flatness in page.html
    assert "90% interval of the optimum" in text
    assert percent(decision.compared[0].regret) in text
    assert "N* is 4.8 times and D* 12.5 times the largest in the table" in text


@pytest.mark.slow
def test_names_of_families_cannot_change_the_page(page_of):
    page = page_of(ODD_NAMES)
    assert not page.of("b")
    assert not page.of("script")
    assert "&lt;b&gt;x&lt;/b&gt;" in page.html
    for name in ODD_NAMES:
        assert any(name in image["alt"] for image in page.of("img"))


def test_spec_is_shown_whole(page_of):
    page = page_of(family_names(3))
    shown = page.html.split("<pre>")[1].split("</pre>")[0]
    spec = Fitted.of(synthetic_posterior(family_names(3))).spec
    assert tomllib.loads(shown.replace("&#34;", '"')) == spec.model_dump()


def test_provenance_names_hashes_versions_and_seed(page_of):
    page = page_of(family_names(3))
    record = provenance(synthetic_posterior(family_names(3)))
    text = page.text[page.text.rindex("Provenance") :]
    for key in ("table_sha256", "spec_sha256", "bayeslaw_version", "created"):
        assert record[key] in text
    assert f"jax {record['versions']['jax']}" in text
    assert "rows left out none" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "is_plain", "absent"),
    [("no_pooling", False, "log_alpha_mean"), ("common_gamma", True, "run_sd")],
)
def test_other_models_have_their_report(page_of, model, is_plain, absent):
    page = page_of(family_names(3), model, is_plain)
    table = page.html[page.html.index("Group means and sds") :]
    assert f">{absent}</th>" not in table
    assert "0." in page.text


@pytest.mark.slow
def test_one_family_has_a_report_without_a_simplex(tmp_path):
    posterior = synthetic_posterior(family_names(1))
    page = Page(report(posterior, tmp_path / "r.html", N=1e9, D=2e10).read_text())
    assert "family_00 1.000" in page.text
    assert "optimal mixture of one posterior draw" not in page.text


def test_failed_checks_forbid_a_report(tmp_path):
    bad = diverging(synthetic_posterior(family_names(3)))
    with pytest.raises(FailedChecksError, match="divergences: 1200 of 1200"):
        report(bad, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def bad_report(tmp_path_factory):
    """A report made although the checks failed, D of the target run not given."""
    folder = tmp_path_factory.mktemp("bad")
    bad = diverging(synthetic_posterior(family_names(3)))
    return report(bad, folder / "report.html", N=1e9, allow_failed_checks=True)


def test_allowed_failed_checks_are_the_first_line(bad_report):
    page = Page(bad_report.read_text())
    body = page.html.split("<body>")[1].lstrip()
    assert body.startswith('<p class="failed" role="alert">')
    assert "FAILED its checks" in page.texts[1]
    assert "divergences (1200 of 1200; limit: at most 0.1%" in page.texts[1]
    assert '<span class="verdict fail">fail</span>' in page.html
    assert [entry.name for entry in bad_report.parent.iterdir()] == ["report.html"]


def test_without_a_target_the_largest_run_is_taken_and_said(bad_report):
    text = Page(bad_report.read_text()).text
    assert "N = 1B non-embedding parameters" in text
    assert "D = 4B training tokens" in text
    assert "No target run was given for D: the largest in the table is used" in text


def test_decision_of_another_posterior_is_refused(tmp_path):
    posterior = synthetic_posterior(family_names(3))
    decision = optimal_ratios(posterior, N=1e9, D=2e10)
    made_from = replace(decision.made_from, table_sha256="0" * 64)
    other = replace(decision, made_from=made_from)
    with pytest.raises(InputError) as error:
        report(posterior, tmp_path / "report.html", decision=other)
    assert error.value.what == "decision belongs to another posterior"
    assert error.value.got == "0" * 64
    assert error.value.wanted == decision.made_from.table_sha256


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("runs/sample-families/observations.csv", "sample-families"),
        ("observations.csv", "observations"),
        ("data/mine.parquet", "mine"),
        ("simulated, seed 3", "simulated, seed 3"),
    ],
)
def test_a_study_is_named_after_its_folder_or_file(source, name):
    assert study_name(source) == name


def test_toml_of_a_record_reads_back():
    record = {"a": 'x "y"', "b": {"c": 1.5, "d": {"e": True}, "f": {}}, "g": {}}
    assert tomllib.loads(to_toml(record)) == record


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(0.0), "0 %"),
        (percent(3.8e-6), "< 0.001 %"),
        (percent(0.00121), "0.12 %"),
        (percent(0.1234), "12 %"),
        (probability_text(1.0), "> 0.99"),
        (probability_text(0.0), "< 0.01"),
        (probability_text(0.5), "0.50"),
        (ratio(0.2413), "0.241"),
        (ratio(0.00123), "0.00123"),
        (factor(float("inf")), "no amount"),
        (factor(1.0512), "× 1.05"),
        (listed(range(1, 20)), "1, 2, 3, 4, 5, 6, 7, …, 19"),
    ],
)
def test_numbers_are_printed_as_they_deserve(shown, expected):
    assert shown == expected
