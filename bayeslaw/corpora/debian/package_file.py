"""The files inside a Debian package, read without dpkg."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bayeslaw.errors import InputError, require_extra

MAGIC = b"!<arch>\n"
HEADER = 60  # bytes before each member of an ar archive


def package_members(
    path: Path, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, bytes]]:
    """Read name and content of selected files of a package.

    Args:
      path: the package, an ar archive that contains a tar archive `data.tar.*`.
      wanted: which names to read; names begin with "./".

    Raises:
      InputError: the file is not a Debian package.
    """
    try:
        content = _data_archive(path)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if member.isfile() and wanted(member.name):
                    file = archive.extractfile(member)
                    assert file is not None
                    yield member.name, file.read()
    except InputError:
        raise
    except (OSError, EOFError, ValueError, lzma.LZMAError, tarfile.TarError) as error:
        raise InputError(
            "package cannot be read",
            str(path),
            str(error) or type(error).__name__,
            "a Debian package with data.tar.gz, .bz2, .xz or .zst",
            "delete the file, so that the next build downloads it again",
        ) from error


def _data_archive(path: Path) -> bytes:
    """The unpacked tar archive of the installed files."""
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("no ar archive")
        while len(header := file.read(HEADER)) == HEADER:
            name = header[:16].decode("ascii").strip().rstrip("/")
            size = int(header[48:58])
            if name.startswith("data.tar"):
                return _unpack(name, file.read(size))
            # Members begin at even places.
            file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("no data.tar inside")


def _unpack(name: str, content: bytes) -> bytes:
    kind = name.removeprefix("data.tar")
    if kind not in UNPACKERS:
        raise ValueError(f"{name}, packed in an unknown way")
    return UNPACKERS[kind](content)


def _unpack_zst(content: bytes) -> bytes:
    require_extra("pyarrow", "parquet", "a package with data.tar.zst")
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return stream.read()


UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": _unpack_zst,
}
