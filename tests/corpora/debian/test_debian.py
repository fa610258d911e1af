"""The Debian recipe on tiny packages made here: no network, no apt."""

import re
import shutil

import pytest
from corpus_folders import build
from debian_packages import (
    calls,
    deb_bytes,
    help_page,
    mo_bytes,
    wiki_bytes,
    write_apt,
    write_archive,
)

from bayeslaw.corpora.debian import extraction, gathering
from bayeslaw.corpora.debian.catalogues import (
    catalogues,
    plain_string,
    read_messages,
    wiki_messages,
)
from bayeslaw.corpora.debian.filters import (
    is_damaged,
    is_pair,
    is_text,
    is_untranslated,
    sentence_pairs,
)
from bayeslaw.corpora.debian.gathering import FoundPair
from bayeslaw.corpora.debian.languages import (
    CORE,
    canonical_code,
    family_languages,
    language_table,
)
from bayeslaw.corpora.debian.package_file import package_members
from bayeslaw.corpora.debian.packages import (
    chosen_texts,
    texts,
    wanted_packages,
)
from bayeslaw.corpora.debian.pages import descriptions, guides, handbook, help_pages
from bayeslaw.corpora.debian.recipe import divide_pairs
from bayeslaw.corpora.folder import verify
from bayeslaw.corpora.pairs import read_pair_sets
from bayeslaw.corpora.split import is_held_out
from bayeslaw.errors import InputError

NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
ZAHLEN = "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()
SHU = list("一二三四五六七八九十百千")


def sentence(numbers: list[str], n: int, pattern: str) -> str:
    """A sentence of its own for each n up to 1727."""
    places = (numbers[n % 12], numbers[n // 12 % 12], numbers[n // 144 % 12])
    return pattern.format(*places)


def english(n: int) -> str:
    return sentence(NUMBERS, n, "Open {} windows, then close {} doors near {} trees.")


def german(n: int) -> str:
    pattern = "Öffne {} Fenster und schließe danach {} Türen bei {} Bäumen."
    return sentence(ZAHLEN, n, pattern)


def chinese(n: int) -> str:
    return sentence(SHU, n, "请打开{}扇窗户，然后关上{}扇靠近{}棵树的门。")


PAGES, PARAGRAPHS = 40, 8
LANGUAGES = {"en-us": english, "de": german, "zh-cn": chinese}


def help_package(code: str) -> bytes:
    """Pages with paragraphs that no other page has."""
    return deb_bytes(
        {
            f"usr/share/libreoffice/help/{code}/text/swriter/{page}.html": help_page(
                {
                    str(n): f"<b>{LANGUAGES[code](page * PARAGRAPHS + n)}</b>"
                    for n in range(PARAGRAPHS)
                }
            )
            for page in range(PAGES)
        }
    )


def interface_package(say) -> bytes:
    messages = {english(1000 + n): say(1000 + n) for n in range(300)}
    path = "usr/lib/libreoffice/program/resource/de/LC_MESSAGES/sw.mo"
    return deb_bytes({path: mo_bytes(messages)}, packing=".gz")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A stand-in for apt and its archive; the folder of the archive."""
    folder = tmp_path / "archive"
    write_archive(
        folder,
        {
            f"libreoffice-help-{code}_4%3a7.4-1_all.deb": help_package(code)
            for code in LANGUAGES
        }
        | {"libreoffice-l10n-de_4%3a7.4-1_all.deb": interface_package(german)},
    )
    write_apt(tmp_path / "programs", folder)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    return folder


def build_debian(output, **options):
    chosen = {"families": ("germanic", "sino_tibetan"), "languages": LANGUAGE_CODES}
    return build("debian:", output, kind="sentencepiece", **(chosen | options))


LANGUAGE_CODES = ("en", "de", "zh_CN")


def test_a_corpus_is_built_from_packages_and_says_which(archive, tmp_path):
    manifest = build_debian(tmp_path / "corpus")
    assert [(s.family, s.language) for s in manifest.sizes] == [
        ("germanic", "de"),
        ("germanic", "en"),
        ("sino_tibetan", "zh_CN"),
    ]
    assert [entry["package"] for entry in manifest.origin] == [
        "libreoffice-help-de",
        "libreoffice-help-en-us",
        "libreoffice-help-zh-cn",
        "libreoffice-l10n-de",
    ]
    assert {entry["version"] for entry in manifest.origin} == {"4:7.4-1"}
    for entry in manifest.origin:
        assert re.fullmatch("[0-9a-f]{64}", entry["sha256"])
    assert "MPL-2.0" in manifest.licences
    assert verify(tmp_path / "corpus") == manifest


def test_every_segment_is_in_the_corpus_once(archive, tmp_path):
    manifest = build_debian(tmp_path / "corpus")
    size = {s.language: s for s in manifest.sizes}
    lines = [german(n) for n in range(PAGES * PARAGRAPHS)]
    lines += [german(1000 + n) for n in range(300)]
    de = size["de"]
    documents = de.train_documents + de.held_out_documents
    total = sum(len(line.encode()) for line in lines) + len(lines) - documents
    assert de.train_bytes + de.held_out_bytes == total
    # English of the interface is told by the keys of the German catalogue.
    assert size["en"].train_documents == de.train_documents
    assert size["zh_CN"].train_documents + size["zh_CN"].held_out_documents == PAGES


def test_a_second_build_reads_the_cache_and_gives_the_same(archive, tmp_path):
    first = build_debian(tmp_path / "a")
    before = calls(archive)
    assert build_debian(tmp_path / "b") == first
    new = calls(archive)[len(before) :]
    assert not [call for call in new if "update" in call]
    assert {call.split()[1] for call in new} == {"pkgnames", "download"}
    for name in ("train.npy", "corpus.json", "tokenizer.model"):
        assert (tmp_path / "a" / name).read_bytes() == (
            tmp_path / "b" / name
        ).read_bytes()


def test_a_stopped_build_goes_on_where_it_was(archive, tmp_path, monkeypatch):
    done = []

    def stop(job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job.path.name)
        return extraction.extract(job)

    from bayeslaw.corpora.debian import recipe

    monkeypatch.setattr(recipe, "extract", stop)
    with pytest.raises(KeyboardInterrupt):
        build_debian(tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").glob("segments/*/*")}
    assert len(list((tmp_path / "cache" / "segments").iterdir())) == 2
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    stopped = build_debian(tmp_path / "corpus")
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    shutil.rmtree(tmp_path / "cache")
    assert build_debian(tmp_path / "again") == stopped


def test_a_package_that_came_in_part_is_fetched_again(archive, tmp_path):
    build_debian(tmp_path / "a")
    (package,) = (tmp_path / "cache" / "packages").glob("libreoffice-help-de*")
    package.write_bytes(package.read_bytes()[:1000])
    before = len(calls(archive))
    build_debian(tmp_path / "b")
    fetched = [call for call in calls(archive)[before:] if call.count(" ") == 2]
    assert fetched == ["apt-get download libreoffice-help-de"]


def test_a_package_that_is_not_what_the_lists_say_is_refused(archive, tmp_path):
    (path,) = archive.glob("libreoffice-help-de*.deb")
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputError, match="not downloaded completely"):
        build_debian(tmp_path / "corpus")


def test_no_apt_and_no_network_and_no_packages_are_said_in_five_parts(
    archive, tmp_path, monkeypatch
):
    (archive / "down").touch()
    with pytest.raises(InputError, match="Could not resolve") as caught:
        build_debian(tmp_path / "corpus")
    assert "what was downloaded is kept" in str(caught.value)
    (archive / "down").unlink()
    for path in archive.glob("*.deb"):
        path.unlink()
    with pytest.raises(InputError, match="lacks the texts of the recipe"):
        build_debian(tmp_path / "corpus")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="apt is not installed"):
        build_debian(tmp_path / "corpus")


def test_a_language_without_text_is_named(archive, tmp_path):
    with pytest.raises(InputError, match="no text for these languages") as caught:
        build_debian(tmp_path / "corpus", languages=(*LANGUAGE_CODES, "is"))
    assert "got:      is" in str(caught.value)


def test_languages_not_asked_for_by_name_may_lack_text_but_families_may_not(
    archive, tmp_path
):
    manifest = build_debian(tmp_path / "corpus", languages=None)
    assert {size.language for size in manifest.sizes} == set(LANGUAGE_CODES)
    families = ("germanic", "slavic")
    with pytest.raises(InputError, match="got:      slavic"):
        build_debian(tmp_path / "corpus", families=families, languages=None)


def test_help_pages_alone_can_be_asked_for(archive, tmp_path):
    manifest = build_debian(tmp_path / "corpus", genre="help")
    assert {entry["package"] for entry in manifest.origin} == {
        f"libreoffice-help-{code}" for code in LANGUAGES
    }
    assert manifest.options["genre"] == "help"
    documents = {
        s.language: s.train_documents + s.held_out_documents for s in manifest.sizes
    }
    assert documents == dict.fromkeys(("de", "en", "zh_CN"), PAGES)


def test_the_same_documents_are_held_out_in_all_languages(archive, tmp_path):
    manifest = build_debian(tmp_path / "corpus", genre="help", share=0.2)
    assert len({(s.train_documents, s.held_out_documents) for s in manifest.sizes}) == 1


def test_jobs_done_in_processes_give_what_one_process_gives(archive, tmp_path):
    one = build_debian(tmp_path / "one")
    shutil.rmtree(tmp_path / "cache")
    two = build_debian(tmp_path / "two", workers=2)
    assert one == two


def test_pairs_are_found_in_help_pages_and_catalogues(archive, tmp_path, monkeypatch):
    from bayeslaw.corpora.debian import recipe

    monkeypatch.setattr(recipe, "LEAST_PAIRS", 100)
    manifest = build_debian(tmp_path / "corpus")
    pairs = read_pair_sets(tmp_path / "corpus" / "parallel")
    assert set(pairs) == {"de", "zh_CN"} == {size.language for size in manifest.pairs}
    translations = {english(n): german(n) for n in range(1728)}
    for pair in pairs["de"].train:
        assert pair.other == translations[pair.english]
    assert {pair.source for pair in pairs["de"].train} == {"lo-help", "lo-ui"}
    assert len(pairs["de"].train) > 400


# Single parts.


@pytest.mark.parametrize("packing", ["", ".gz", ".xz"])
def test_files_of_a_package_are_read_without_dpkg(tmp_path, packing):
    path = tmp_path / "x.deb"
    path.write_bytes(deb_bytes({"a/b.txt": b"odd", "a/c.mo": b"even"}, packing))
    assert dict(package_members(path, lambda name: name.endswith(".txt"))) == {
        "./a/b.txt": b"odd"
    }


@pytest.mark.parametrize(
    "content", [b"", b"no archive", b"!<arch>\n", deb_bytes({"a": b"b" * 9})[:-40]]
)
def test_a_broken_package_is_refused(tmp_path, content):
    path = tmp_path / "x.deb"
    path.write_bytes(content)
    with pytest.raises(InputError, match="package cannot be read"):
        list(package_members(path, lambda _: True))


def test_a_package_packed_with_zstandard_is_read(tmp_path):
    import debian_packages
    import pyarrow as pa

    def pack(content: bytes) -> bytes:
        buffer = pa.BufferOutputStream()
        with pa.CompressedOutputStream(buffer, "zstd") as stream:
            stream.write(content)
        return buffer.getvalue().to_pybytes()

    packers = debian_packages.PACKERS | {".zst": pack}
    path = tmp_path / "x.deb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(debian_packages, "PACKERS", packers)
        path.write_bytes(deb_bytes({"a": b"text"}, ".zst"))
    assert dict(package_members(path, lambda _: True)) == {"./a": b"text"}


def test_help_pages_give_blocks_with_identifiers_without_markup(tmp_path):
    path = tmp_path / "x.deb"
    page = help_page(
        {"1": "Press <b>Enter</b>&nbsp;&amp; wait<br/>here", "2": " <i/> "}
    )
    path.write_bytes(deb_bytes({"usr/help/de/text/a/b.html": page, "c.html": page}))
    (segment,) = help_pages(path, ["de"])
    assert segment == ("de", "a/b.html", "par_id1", "Press Enter & wait here")


def test_guides_are_read_from_mallard(tmp_path):
    page = (
        '<page xmlns="http://projectmallard.org/1.0/"><title>A <em>b</em></title>'
        "<p>One\n two</p><p/></page>"
    )
    files = {
        "usr/share/help/de/gnome-help/a.page": page.encode(),
        "usr/share/help/xx/gnome-help/a.page": page.encode(),
        "usr/share/help/fr/gnome-help/a.page": b"<page",
    }
    path = tmp_path / "x.deb"
    path.write_bytes(deb_bytes(files))
    assert list(guides(path, ["de", "fr"])) == [
        ("de", "gnome-help/a.page", "0/3", "A b"),
        ("de", "gnome-help/a.page", "1/3", "One two"),
    ]


def test_the_handbook_is_read_from_html(tmp_path):
    page = b'<h1 class="t">Title</h1><div class="para">Text <a>here</a></div>'
    files = {"usr/share/doc/x/html/pt-BR/a.html": page, "x/html/xx-XX/a.html": page}
    path = tmp_path / "x.deb"
    path.write_bytes(deb_bytes(files))
    assert [tuple(segment) for segment in handbook(path, ["pt_BR"])] == [
        ("pt_BR", "a.html", "0/2", "Title"),
        ("pt_BR", "a.html", "1/2", "Text here"),
    ]


def test_descriptions_are_cut_into_paragraphs_and_items(tmp_path):
    path = tmp_path / "list"
    path.write_text(
        "Package: a\nDescription-md5: 12ab\nDescription-de: kurz\n"
        " Erster\n Absatz.\n .\n Liste:\n  * eins\n  - zwei\n    weiter\n\n"
        "Package: b\nDescription-de: ohne Prüfsumme\n",
        encoding="utf-8",
    )
    found = list(descriptions(path, ["de"]))
    assert [s.text for s in found] == [
        "kurz",
        "Erster Absatz.",
        "Liste:",
        "eins",
        "zwei weiter",
    ]
    assert {s.document for s in found} == {"12ab"}


def test_catalogues_are_read_in_their_encoding_with_both_forms():
    messages = {
        "Open": "Öffnen",
        "context\x04File": "Datei",
        "one\0many": "eins\0viele",
    }
    for encoding in ("utf-8", "iso-8859-1"):
        found = dict(read_messages(mo_bytes(messages, encoding)))
        assert found == {
            "Open": "Öffnen",
            "File": "Datei",
            "one": "eins",
            "many": "viele",
        }
    unknown = mo_bytes(messages).replace(b"charset=utf-8", b"charset=CHARS")
    assert dict(read_messages(unknown))["Open"] == "Öffnen"


def test_the_language_of_a_catalogue_is_in_its_path(tmp_path):
    content = mo_bytes({"Open": "Öffnen"})
    names = ["locale/de/LC_MESSAGES/a.mo", "resource/de_DE/b.mo", "x/po/de.mo", "xx.mo"]
    path = tmp_path / "x.deb"
    path.write_bytes(deb_bytes({f"usr/{name}": content for name in names}))
    found = [(s.language, s.document) for s in catalogues(path, ["de"])]
    assert found == [("de", "a.mo"), ("de", "b.mo"), ("de", "messages")]
    assert list(catalogues(path, ["fr"])) == []
    english = list(catalogues(path, ["en", "fr"]))
    assert {(s.language, s.key, s.text) for s in english} == {("en", "Open", "Open")}


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("_File", "File"),
        ("Sa_ve as...", "Save as..."),
        ("~Bearbeiten", "Bearbeiten"),
        ("文件(_F)", "文件"),
        ("Quit (&Q)", "Quit"),
        ("&amp;Open <b>it</b>", "Open it"),
        ("Find &amp; replace", "Find & replace"),
        ("allow_disk_format_probing", "allow_disk_format_probing"),
        ("two\\nlines", "two lines"),
    ],
)
def test_marks_of_keys_and_markup_leave_interface_strings(marked, plain):
    assert plain_string(marked) == plain


def test_wiki_messages_with_markup_are_left_out(tmp_path):
    messages = {"a": "Read  this ''page''", "b": "See [[Main]]", "c": "{{PLURAL:$1}}"}
    files = {
        "var/languages/i18n/de.json": wiki_bytes(messages),
        "var/languages/i18n/qqq.json": wiki_bytes(messages),
        "var/languages/i18n/fr.json": b"{",
    }
    path = tmp_path / "x.deb"
    path.write_bytes(deb_bytes(files))
    (segment,) = wiki_messages(path, ["de", "fr"])
    assert segment == ("de", "var/languages/i18n", "a", "Read this page")


# Filters.

TABLE = language_table()


@pytest.mark.parametrize(
    ("code", "text", "keeps"),
    [
        ("de", "Dieser Satz ist lang genug dafür.", True),
        ("de", "Zu kurz", False),
        ("de", "0x3f 12.5 == /usr/lib/x86_64 -> 17", False),
        ("hi", "यह वाक्य काफ़ी लंबा है और हिन्दी में है", True),
        ("hi", "This sentence was never translated.", False),
        ("zh_CN", "请打开两扇窗户。", True),
        ("zh_CN", "在 LibreOffice Writer 中打开两扇窗户", True),
        ("fr", "Le caract\ufffdre est perdu dans la phrase.", False),
        ("fr", "Une phrase avec un signe\x85 de contrôle.", False),
        ("my", "စာမျက်နှာသည် တစ်ခုချင်းအလိုက်", True),
        ("my", "ဖယ်ရှားေနသည်။ ြကိုဆိုပါသည်။", False),
        ("si", "මෙම ගොනුව තවදුරටත් විවෘත කරන්න", True),
        ("si", "ෙමම ෙගානුව තවදුරටත් විවෘත කරන්න", False),
    ],
)
def test_segments_are_kept_if_they_are_text_of_their_language(code, text, keeps):
    assert is_text(text, TABLE[code]) is keeps


def test_a_text_with_most_words_of_the_english_is_untranslated():
    assert is_untranslated("Open the GNOME Terminal", "Open the GNOME Terminal now")
    assert not is_untranslated("Open the Terminal", "Das Terminal öffnen")
    assert not is_damaged("Das Terminal öffnen", TABLE["de"])


@pytest.mark.parametrize(
    ("code", "other", "keeps"),
    [
        ("de", "Öffne danach 3 Fenster und 2 Türen.", True),
        ("de", "Öffne danach 4 Fenster und 2 Türen.", False),
        ("de", "Öffne.", False),
        ("de", "Öffne danach 3 Fenster und 2 Türen. " * 4, False),
        ("zh_CN", "然后打开3扇窗户和2扇门。", True),
        ("zh_CN", "Öffne danach 3 Fenster und 2 Türen.", False),
    ],
)
def test_pairs_agree_in_numbers_length_and_script(code, other, keeps):
    assert is_pair("Then open 3 windows and 2 doors.", other, TABLE[code]) is keeps


def test_paragraphs_of_as_many_sentences_are_paired_by_sentence():
    assert list(sentence_pairs("One. Two!", "Eins. Zwei!")) == [
        ("One.", "Eins."),
        ("Two!", "Zwei!"),
    ]
    assert list(sentence_pairs("One. Two!", "Eins zwei!")) == [
        ("One. Two!", "Eins zwei!")
    ]
    assert list(sentence_pairs("One. Two.", "一。二。")) == [
        ("One.", "一。"),
        ("Two.", "二。"),
    ]


def test_pairs_go_with_their_document_and_parts_of_segments_are_not_tested():
    found = [
        FoundPair(
            f"d{n}", f"These are {w} English words", f"Worte {n}", "x", n % 2 == 0
        )
        for n, w in enumerate(f"{a}{b}" for a in NUMBERS for b in NUMBERS)
    ]
    sets = divide_pairs(found, 0.3)
    held_out = {p.english for p in found if is_held_out(p.document, 0.3)}
    whole = {p.english for p in found if p.is_whole}
    assert {p.english for p in sets.train} == {p.english for p in found} - held_out
    tested = [*sets.dev, *sets.test]
    assert {p.english for p in tested} == held_out & whole
    assert abs(len(sets.dev) - len(sets.test)) <= 1


# Tables of the recipe.


def test_every_language_has_one_family_and_one_way_to_be_named():
    assert set(CORE) <= {language.family for language in TABLE.values()}
    assert [code for code in TABLE if canonical_code(code) != code] == []
    assert canonical_code("pt-br") == canonical_code("pt_BR") == "pt_BR"
    assert canonical_code("zh") == "zh_CN"
    assert canonical_code("tlh") is None


def test_every_package_of_a_language_names_one_that_the_table_has():
    for text in texts():
        assert text.reader in extraction.READERS
        assert (
            None not in text.packages.values() or len(set(text.packages.values())) == 1
        )
        assert {canonical_code(code) for code in text.list_languages} <= set(TABLE)
        assert text.reference in ("", *text.packages)
    assert set(gathering.MESSAGE_READERS) <= set(extraction.READERS)


def test_packages_of_languages_not_asked_for_are_not_fetched():
    wanted = wanted_packages(chosen_texts("all"), ["hi"])
    assert "libreoffice-help-hi" in wanted
    assert "libreoffice-help-en-us" in wanted
    assert "libreoffice-l10n-de" in wanted
    assert "libreoffice-help-fr" not in wanted
    assert wanted_packages(chosen_texts("help"), ["hi", "fr"]) == [
        "gnome-user-docs",
        *(f"libreoffice-help-{code}" for code in ("en-us", "fr", "hi")),
    ]


@pytest.mark.parametrize(
    ("families", "languages", "words"),
    [
        (["martian"], None, ["--families", "martian", "slavic"]),
        (["slavic"], ["de"], ["--languages", "de", "ru"]),
        (["slavic", "indic"], ["ru"], ["none of indic"]),
    ],
)
def test_families_and_languages_outside_the_table_are_refused(
    families, languages, words
):
    with pytest.raises(InputError) as caught:
        family_languages(families, languages)
    assert [word for word in words if word not in str(caught.value)] == []


def test_the_core_families_are_the_default():
    assert tuple(family_languages(None, None)) == CORE
