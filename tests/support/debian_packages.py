"""Tiny Debian packages, and a stand-in for apt that serves them without a network."""

import gzip
import hashlib
import io
import json
import lzma
import struct
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

PACKERS = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}

# Serves the packages of a folder: prints their addresses, copies them, writes lists.
APT = """#!{python}
import pathlib, shutil, sys
archive = pathlib.Path({archive!r})
words = [w for w in sys.argv[1:] if not w.startswith("-") and "=" not in w]
settings, verb, names = pathlib.Path(words[0]), words[1], words[2:]
with open(archive / "calls", "a") as calls:
    print(pathlib.Path(sys.argv[0]).name, verb, *names, file=calls)
debs = {{path.name.split("_")[0]: path for path in archive.glob("*.deb")}}
if verb == "update":
    if (archive / "down").exists():
        sys.exit("E: Could not resolve 'deb.example.org'")
    for path in archive.glob("*Translation*"):
        shutil.copy(path, settings.parent / "lists")
elif verb == "pkgnames":
    print(*debs, "unrelated", sep="\\n")
elif "--print-uris" in sys.argv:
    for name in names:
        path = debs[name]
        digest = (archive / f"{{path.name}}.sha256").read_text()
        print(f"'http://deb.example.org/{{path.name}}' {{path.name}} "
              f"{{path.stat().st_size}} SHA256:{{digest}}")
else:
    for name in names:
        shutil.copy(debs[name], debs[name].name)
"""


def deb_bytes(files: Mapping[str, bytes], packing: str = ".xz") -> bytes:
    """A package with some files, as dpkg would read it."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = PACKERS[packing](tar.getvalue())
    members = {
        "debian-binary": b"2.0\n",
        "control.tar": b"odd",
        f"data.tar{packing}": data,
    }
    return b"!<arch>\n" + b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        + content
        + b"\n" * (len(content) % 2)
        for name, content in members.items()
    )


def mo_bytes(messages: Mapping[str, str], encoding: str = "utf-8") -> bytes:
    """A binary gettext catalogue with a header."""
    header = f"Content-Type: text/plain; charset={encoding}\n"
    pairs = sorted(
        (k.encode(encoding), v.encode(encoding)) for k, v in messages.items()
    )
    pairs.insert(0, (b"", header.encode()))
    tables, texts, place = [], b"", 28 + 16 * len(pairs)
    for column in zip(*pairs, strict=True):
        for text in column:
            tables.append(struct.pack("<II", len(text), place + len(texts)))
            texts += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + b"".join(tables) + texts


def help_page(paragraphs: Mapping[str, str]) -> bytes:
    """A page of LibreOffice's help; paragraphs by identifier."""
    blocks = [f'<p class="x" id="par_id{k}">{v}</p>' for k, v in paragraphs.items()]
    return f"<html><body>{''.join(blocks)}<p>no identifier</p></body></html>".encode()


def write_archive(folder: Path, packages: Mapping[str, bytes]) -> None:
    """Writes package files and their digests."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in packages.items():
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        (folder / f"{name}.sha256").write_text(digest)


def write_apt(programs: Path, archive: Path) -> None:
    """Writes the stand-ins for apt-get and apt-cache."""
    programs.mkdir()
    for name in ("apt-get", "apt-cache"):
        path = programs / name
        path.write_text(APT.format(python=sys.executable, archive=str(archive)))
        path.chmod(0o755)


def calls(archive: Path) -> list[str]:
    """What apt was asked for so far."""
    return (archive / "calls").read_text().splitlines()


def wiki_bytes(messages: Mapping[str, str]) -> bytes:
    """A file of MediaWiki messages."""
    return json.dumps({"@metadata": {}} | dict(messages)).encode()
