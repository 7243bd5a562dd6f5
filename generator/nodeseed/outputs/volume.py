"""Files as the bytes of an ISO 9660 volume: the same files, the same bytes, on every day.

Names keep their small letters and hyphens twice, in Rock Ridge (Linux) and in Joliet (everything
else); below them lie the short names that ISO 9660 insists on. On Linux the files belong to root
and are nobody else's to read.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Final

import pycdlib
import pycdlib.dates
import pycdlib.headervd
import pycdlib.pycdlib
import pycdlib.utils

LABEL: Final = "CIDATA"  # what cloud-init looks for (NoCloud), also ds-identify
_MADE: Final = 946_684_800.0  # 2000-01-01, in seconds: no volume says when it was made
_FILE_MODE: Final = 0o100400
_FOLDER_MODE: Final = 0o040500


def volume(files: Mapping[str, bytes]) -> bytes:
    """An image with ``files``, by their paths such as ``user-data`` or ``nodes/cp-1/user-data``."""
    with _still_clock():
        image = pycdlib.PyCdlib()
        image.new(interchange_level=1, rock_ridge="1.09", joliet=3, vol_ident=LABEL)
        short = {"": ""}
        for number, path in enumerate(sorted(files)):
            folder, _, name = path.rpartition("/")
            _add_folders(image, folder, short)
            image.add_fp(
                io.BytesIO(files[path]),
                len(files[path]),
                f"{short[folder]}/F{number:07}.;1",
                rr_name=name,
                joliet_path=f"/{path}",
                file_mode=_FILE_MODE,
            )
        made = io.BytesIO()
        image.write_fp(made)
        image.close()
    return made.getvalue()


def _add_folders(image: pycdlib.PyCdlib, folder: str, short: dict[str, str]) -> None:
    """Make ``folder`` and those above it; ``short`` has the ISO 9660 path of each."""
    if folder in short:
        return
    above, _, name = folder.rpartition("/")
    _add_folders(image, above, short)
    short[folder] = f"{short[above]}/D{len(short):07}"
    image.add_directory(
        short[folder], rr_name=name, joliet_path=f"/{folder}", file_mode=_FOLDER_MODE
    )


@contextlib.contextmanager
def _still_clock() -> Iterator[None]:
    """pycdlib takes every date from the clock, in local time: let it be always the same."""
    fixed = time.gmtime(_MADE)
    clock = SimpleNamespace(
        time=lambda: _MADE,
        localtime=lambda seconds: fixed,
        gmtime=lambda seconds: fixed,
        strftime=time.strftime,
    )
    modules = (pycdlib.dates, pycdlib.headervd, pycdlib.pycdlib, pycdlib.utils)
    for module in modules:
        module.time = clock  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.time = time  # type: ignore[attr-defined]
