"""The package archive: lists and packages, downloaded by apt into a cache folder.

apt reads the machine's sources and settings and writes only into the cache folder, so
it needs no root. What is in the cache is not downloaded again; delete the folder to
read newer packages.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from bayeslaw.errors import InputError

# Packages asked for at a time: progress is shown, and a stop loses little.
BATCH = 8
SETTINGS = """\
#clear Acquire::Languages;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "";
Acquire::GzipIndexes "false";
Acquire::Retries "3";
Acquire::Languages {{ {languages} }};
"""
# What `apt-get download --print-uris` prints of a package.
URI_LINE = re.compile(
    r"'\S+' (?P<file>\S+\.deb) (?P<size>\d+) (?P<kind>\w+):(?P<digest>\w+)"
)


@dataclass(frozen=True)
class Package:
    """A package file of the archive."""

    name: str
    version: str
    path: Path
    digest_kind: str  # e.g. "SHA256", of the signed package list
    digest: str

    @property
    def is_complete(self) -> bool:
        """Whether the file exists and has the digest that the archive lists."""
        if not self.path.exists():
            return False
        with open(self.path, "rb") as file:
            found = hashlib.file_digest(file, self.digest_kind.lower())
        return found.hexdigest() == self.digest

    def origin(self) -> dict[str, str]:
        """The entry of the package in a manifest."""
        with open(self.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"package": self.name, "version": self.version, "sha256": digest}


class Archive:
    """The package archive as the machine's apt sources know it.

    Args:
      folder: where lists, settings and packages are kept.
    """

    def __init__(self, folder: Path):
        self._folder = folder.absolute()
        self._settings = self._folder / "apt.conf"

    @property
    def lists(self) -> Path:
        """Folder of the package lists."""
        return self._folder / "lists"

    def fetch_lists(self, languages: Sequence[str]) -> None:
        """Download the package lists with translations, unless they are cached.

        Args:
          languages: codes of the translations of package descriptions.

        Raises:
          InputError: apt is not installed, or it cannot reach an archive.
        """
        for name in ("lists/partial", "cache/archives/partial", "packages"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        quoted = " ".join(f'"{code}";' for code in languages)
        text = SETTINGS.format(folder=self._folder, languages=quoted)
        self._settings.write_text(text, encoding="utf-8")
        done = self._folder / "lists.complete"
        if not done.exists():
            self._run("apt-get", "update", "-qq", "-o", "APT::Update::Error-Mode=any")
            done.touch()

    def find(self, names: Sequence[str]) -> list[Package]:
        """Find the packages with these names in the archive.

        Raises:
          InputError: the archive has none of them.
        """
        known = set(self._run("apt-cache", "pkgnames").split())
        wanted = sorted(known.intersection(names))
        if not wanted:
            raise InputError(
                "package archive lacks the texts of the recipe",
                "apt sources of this machine",
                f"none of {len(names)} packages such as {names[0]}",
                "the sources of Debian 12 or a derivative",
                "build on such a machine, or copy its cache folder here (--cache)",
            )
        # apt does not print packages that lie in the working folder.
        printed = self._run("apt-get", "download", "--print-uris", *wanted)
        return [self._package(found) for found in URI_LINE.finditer(printed)]

    def fetch(self, packages: Sequence[Package], report: Callable[[int], None]) -> None:
        """Download the packages that are not cached, in batches.

        Args:
          packages: the packages to download.
          report: called with the number of packages in the cache.

        Raises:
          InputError: a package cannot be downloaded, or differs from the lists.
        """
        missing = [package for package in packages if not package.is_complete]
        here = len(packages) - len(missing)
        report(here)
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            for package in batch:
                package.path.unlink(missing_ok=True)
            names = [package.name for package in batch]
            self._run("apt-get", "download", "-qq", *names, within="packages")
            for package in batch:
                self._check(package)
            report(here + start + len(batch))

    def translations(self, code: str) -> Path | None:
        """The largest list of descriptions in a language; None if there is none."""
        name = f"*_Translation-{code.replace('_', '%5f')}"
        found = sorted(self.lists.glob(name), key=lambda path: path.stat().st_size)
        return found[-1] if found else None

    def _package(self, found: re.Match[str]) -> Package:
        # The colon of an epoch is written as %3a.
        name, version, _ = unquote(found["file"]).split("_")
        path = self._folder / "packages" / found["file"]
        return Package(name, version, path, found["kind"], found["digest"])

    def _check(self, package: Package) -> None:
        if not package.is_complete:
            raise InputError(
                "package was not downloaded completely",
                str(package.path),
                "a file with another digest" if package.path.exists() else "no file",
                f"{package.digest_kind} {package.digest}",
                "start the build again; if that does not help, delete the cache folder "
                "(it is downloaded again)",
            )

    def _run(self, program: str, *words: str, within: str = ".") -> str:
        """Run an apt program in a folder of the cache and return its output."""
        if shutil.which(program) is None:
            raise InputError(
                "the package manager apt is not installed",
                "source debian:",
                f"no program {program}",
                "Debian or a derivative",
                "build on such a machine and copy the corpus, or use local: or hf:",
            )
        done = subprocess.run(
            [program, "-c", str(self._settings), *words],
            cwd=self._folder / within,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["no message"]
            raise InputError(
                "package archive cannot be read",
                f"source debian:, {program} {words[0]}",
                "; ".join(said[-3:]),
                "apt sources that respond",
                "check the network and /etc/apt, then start the build again; what was "
                "downloaded is kept",
            )
        return done.stdout
