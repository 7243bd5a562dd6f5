"""What the image lacks comes from a web server, by its SHA-256, before anything needs it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from nodeseed_node.machine import Machine

FETCHED = "var/lib/nodeseed/software.json"


def software(m: Machine) -> int:
    """Fetch what was not fetched before; wait for the server as long as it takes.

    What is there is not looked at: `kubeadm upgrade` by hand brings newer programs, which stay.
    """
    files = m.config["software"]
    done = m.load(FETCHED) or []
    for file in files:
        if file["sha256"] not in done or not m.path(file["path"]).exists():
            m.say(f"fetching {file['url']}")
            m.until(lambda file=file: _fetch(m, file), about=f"{file['url']}: ")
            done.append(file["sha256"])
            m.write(FETCHED, json.dumps(done))  # a cut here fetches one file again
    m.say(f"{len(files)} files in place")
    return 0


def _fetch(m: Machine, file: Any) -> str:
    # not **file: the names of parameters are shortened for shipping, those of a file are not
    url, sha256, path, unpack = file["url"], file["sha256"], file["path"], file.get("unpack")
    mode = int(file.get("mode", "755"), 8)
    try:
        with urlopen(url, timeout=60) as answer:  # noqa: S310 - of a cluster file: http(s) alone
            data = answer.read()
    except HTTPException as error:
        return repr(error)
    if hashlib.sha256(data).hexdigest() != sha256:
        text = f"its SHA-256 is not {sha256}"
        m.say(f"{url}: {text}")
        m.sleep(30)  # each try moves the whole file
        return text
    if unpack is None:
        m.write(path, data, mode)
        return ""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith(unpack):
                content: Any = archive.extractfile(member)
                m.write(path + member.name[len(unpack) :], content.read(), mode)
    return ""
