"""The `debian:` corpus: help pages, manuals and interfaces from Debian's packages."""
