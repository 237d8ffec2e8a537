"""Files inside the allowed folders, and nowhere else."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from flows.errors import InputError, MissingError
from flows.settings import Settings

OWN = ("control.sqlite", "connections.yml")
"""What a folder holds that is a home."""


def uploads(home: Path) -> Path:
    """Where the uploads of all tenants are, a folder for each."""
    return home / "files" / "uploads"


def exports(home: Path) -> Path:
    """Where the pipelines of people who are not at this machine read and write files, a folder for each tenant: see `Settings.apart`."""
    return home / "files" / "tenants"


class AllowedFiles:
    """Paths a pipeline may name. A relative path is read from the first folder that holds it and written below the first one.

    `private` folders hold the product's own data: inside them only an allowed folder further down is open. Without it, the home
    that an allowed `<home>/files` belongs to is private, because `.penstock` usually stands inside the current folder.
    Hidden files and folders (`.env`, `.ssh`) are never open. Below `uploads`, which all tenants share, only the tenant's `own`
    folder is read, and nothing is written. Of the folders beside `exports`, which are other tenants', none is open.
    """

    def __init__(self, folders: Sequence[Path], *, private: Sequence[Path] = (), uploads: Path | None = None,
                 own: Path | None = None, exports: Path | None = None) -> None:
        self.folders = tuple(dict.fromkeys(Path(folder).resolve() for folder in folders))
        homes = private or [f.parent for f in self.folders if f.name == "files" and any((f.parent / own).exists() for own in OWN)]
        self.private = tuple(Path(home).resolve() for home in homes)
        self.uploads, self.own = uploads and uploads.resolve(), own and own.resolve()
        self.exports = exports and exports.resolve()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The files of this tenant."""
        shared = uploads(settings.home)
        return cls(settings.folders, uploads=shared, own=shared / settings.tenant_id, exports=exports(settings.home) / settings.tenant_id)

    def read(self, path: str) -> str:
        """An existing file (absolute). Raises InputError outside the allowed folders or for no plain file, MissingError when absent."""
        places = [self._resolve(folder, path) for folder in self.folders]
        inside = [place for place in places if self._open(place) and not self._foreign(place)]
        found = next((place for place in inside if place.exists()), None)
        if self._away() and found is None:
            raise self._not_yours(path)
        if not self._away() and any(self._foreign(place) for place in places):
            raise self._outside(path)  # also when it is not there: nobody learns what others have
        if found is None and any(place in self.folders for place in places):
            raise InputError(f"{path!r} is a folder", fix="Name one file in it")
        if found is None:
            closed = not inside or any(place.exists() for place in places if place not in inside)
            raise self._outside(path) if closed else self._missing(path, inside[0])
        if not found.is_file():
            raise InputError(f"{path!r} is not a plain file", fix="Name a file, not a folder or a device")
        return str(found)

    def write(self, path: str) -> str:
        """Where a file may be written (absolute; nothing is made yet). Raises InputError outside the allowed folders."""
        if not self.folders:
            raise self._outside(path)
        place = self._resolve(self.folders[0], path)
        if not self._open(place) or self._foreign(place) or (self.uploads is not None and place.is_relative_to(self.uploads)):
            raise self._outside(path)
        if place.exists() and not place.is_file():
            raise InputError(f"{path!r} is not a plain file", fix="Name a file, not a folder or a device")
        return str(place)

    def _resolve(self, folder: Path, path: str) -> Path:
        if not path or any(unicodedata.category(char) == "Cc" for char in path):
            raise InputError(f"{path!r} is not a file name" if path else "the file name is empty",
                             fix="Write it without control characters")
        try:
            place = (folder / path).resolve()
            place.exists()  # a name that is too long shows only here
            return place
        except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, a link that points at itself
            raise InputError(f"{path[:80]!r} is not a usable path: {getattr(error, 'strerror', None) or 'links in a circle'}",
                             fix="Give a shorter path inside an allowed folder") from error

    def _foreign(self, place: Path) -> bool:
        """Is it a file of another tenant?"""
        if self.exports is not None and place.is_relative_to(self.exports.parent) and not place.is_relative_to(self.exports):
            return True
        return self.uploads is not None and place.is_relative_to(self.uploads) and not (self.own and place.is_relative_to(self.own))

    def _open(self, place: Path) -> bool:
        around = [folder for folder in self.folders if place.is_relative_to(folder) and place != folder]
        if not around:
            return False
        folder = max(around, key=lambda found: len(found.parts))  # the nearest one decides what is hidden
        if any(part.startswith(".") for part in place.relative_to(folder).parts):
            return False
        return not any(place.is_relative_to(home) and (folder == home or not folder.is_relative_to(home)) for home in self.private)

    def _outside(self, path: str) -> InputError:
        if self._away():
            return InputError(f"{path!r} is no name for a file of your tenant", fix="Give a name without '..' and without a '/' in front")
        allowed = ", ".join(str(folder) for folder in self.folders) or "none"
        return InputError(f"file {path!r} is outside the allowed folders ({allowed})",
                          fix="Move it there, or name its folder in PENSTOCK_PATHS and start again; hidden files stay closed")

    def _away(self) -> bool:
        """Whoever asks is not at this machine: where its folders are is nothing for them."""
        return self.exports is not None and self.exports in self.folders

    @staticmethod
    def _not_yours(path: str) -> MissingError:
        """The same for one that is not there, one of the machine and one of another tenant."""
        return MissingError(f"there is no file {path!r} among those of your tenant", fix="Upload it, or name what an export has written")

    def _missing(self, path: str, place: Path) -> MissingError:
        from flows.spec.suggest import did_you_mean

        try:
            beside = [name.name for name in place.parent.iterdir() if name.is_file() and self._open(name)]
        except OSError:
            beside = []
        looked = ", ".join(str(folder) for folder in self.folders)
        return MissingError(f"file {path!r} does not exist",
                            fix=did_you_mean(place.name, beside) or f"Looked in {looked}; more folders: PENSTOCK_PATHS")
