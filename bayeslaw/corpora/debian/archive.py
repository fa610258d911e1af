"""The package archive: lists and packages, fetched by apt into a folder of our own.

apt reads the machine's sources and settings and writes into the cache folder only, so
it needs no root. What is in the cache is not fetched again; delete the folder to read
newer packages.
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
        """Whether the file is here and what the archive says it is."""
        if not self.path.exists():
            return False
        with open(self.path, "rb") as file:
            found = hashlib.file_digest(file, self.digest_kind.lower())
        return found.hexdigest() == self.digest

    def origin(self) -> dict[str, str]:
        """What a manifest says about the package."""
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
        """Fetch the package lists with translations, unless they are here.

        Args:
          languages: codes of the translations of package descriptions.

        Raises:
          InputError: there is no apt, or it reaches no archive.
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
        """The packages of these names that the archive has, by name.

        Raises:
          InputError: it has none of them.
        """
        known = set(self._run("apt-cache", "pkgnames").split())
        wanted = sorted(known.intersection(names))
        if not wanted:
            raise InputError(
                "package archive without the texts of the recipe",
                "apt sources of this machine",
                f"none of {len(names)} packages, among them {names[0]}",
                "the sources of Debian 12 or a relative of it",
                "build on such a machine, or copy its cache folder here (--cache)",
            )
        # apt does not print packages that lie in the working folder.
        printed = self._run("apt-get", "download", "--print-uris", *wanted)
        return [self._package(found) for found in URI_LINE.finditer(printed)]

    def fetch(self, packages: Sequence[Package], report: Callable[[int], None]) -> None:
        """Fetch the packages that are not here, some at a time.

        Args:
          packages: what to fetch.
          report: called with the number of packages now here.

        Raises:
          InputError: a package cannot be fetched, or is not what the lists say.
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
                "package was not fetched whole",
                str(package.path),
                "another file" if package.path.exists() else "no file",
                f"{package.digest_kind} {package.digest}",
                "start the build again; delete the cache folder if that does not help",
            )

    def _run(self, program: str, *words: str, within: str = ".") -> str:
        """What an apt program prints, run in a folder of the cache."""
        if shutil.which(program) is None:
            raise InputError(
                "no package manager apt",
                "source debian:",
                f"no program {program}",
                "Debian or a relative of it",
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
                "apt sources that answer",
                "check the network and /etc/apt, then start again: "
                "what was fetched is kept",
            )
        return done.stdout
