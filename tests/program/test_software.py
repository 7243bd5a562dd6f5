"""The software step: what is fetched, what is not, and what is said while it waits."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nodeseed_node.software import FETCHED, software
from tests.program.machines import FakeMachine


class Mirror:
    """A web server whose files may change, break off or be missing."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.short = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                data = outer.files.get(self.path)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"") + outer.short))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def put(self, name: str, data: bytes, path: str, **more: str) -> dict[str, str]:
        """Serve a file; give its entry in the configuration."""
        self.files[name] = data
        sha256 = hashlib.sha256(data).hexdigest()
        return {"url": self.url + name, "sha256": sha256, "path": path, **more}


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


@pytest.fixture
def m(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path, "software")


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        folder = tarfile.TarInfo("bin/more")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    return out.getvalue()


def mode(m: FakeMachine, path: str) -> int:
    return m.path(path).stat().st_mode & 0o7777


def test_a_file_is_put_in_place_and_not_fetched_again(m: FakeMachine, mirror: Mirror) -> None:
    m.configure(
        software=[
            mirror.put("/kubelet", b"new", "usr/local/bin/kubelet"),
            mirror.put("/unit", b"[Unit]", "etc/systemd/system/x.service", mode="0644"),
        ]
    )
    assert software(m) == 0
    assert m.text("usr/local/bin/kubelet") == "new"
    assert mode(m, "usr/local/bin/kubelet") == 0o755
    assert mode(m, "etc/systemd/system/x.service") == 0o644
    assert m.said == "2 files in place"
    assert software(m) == 0
    assert mirror.asked == ["/kubelet", "/unit"]


def test_a_program_that_was_upgraded_by_hand_stays(m: FakeMachine, mirror: Mirror) -> None:
    m.configure(software=[mirror.put("/kubelet", b"1.37.2", "usr/local/bin/kubelet")])
    software(m)
    m.write("usr/local/bin/kubelet", "1.37.3")
    software(m)
    assert m.text("usr/local/bin/kubelet") == "1.37.3"


def test_another_digest_in_a_newer_revision_is_fetched(m: FakeMachine, mirror: Mirror) -> None:
    m.configure(software=[mirror.put("/a", b"1.37.2", "usr/local/bin/kubelet")])
    software(m)
    m.configure(software=[mirror.put("/b", b"1.37.3", "usr/local/bin/kubelet")])
    software(m)
    assert m.text("usr/local/bin/kubelet") == "1.37.3"


def test_what_is_gone_is_fetched_again(m: FakeMachine, mirror: Mirror) -> None:
    m.configure(software=[mirror.put("/kubelet", b"new", "usr/local/bin/kubelet")])
    software(m)
    m.remove("usr/local/bin/kubelet")
    software(m)
    assert m.text("usr/local/bin/kubelet") == "new"


def test_an_archive_gives_the_members_of_that_name(m: FakeMachine, mirror: Mirror) -> None:
    data = archive(**{"bin/containerd": b"c", "bin/ctr": b"t", "README": b"r"})
    etcd = archive(**{"etcd-v3/etcd": b"e", "etcd-v3/etcdctl": b"l", "etcd-v3/doc/x": b"d"})
    m.configure(
        software=[
            mirror.put("/containerd.tgz", data, "usr/local/bin", unpack="bin"),
            mirror.put("/etcd.tgz", etcd, "usr/local/bin/etcd", unpack="etcd-v3/etcd"),
        ]
    )
    software(m)
    found = sorted(path.name for path in m.path("usr/local/bin").iterdir())
    assert found == ["containerd", "ctr", "etcd", "etcdctl"]
    assert mode(m, "usr/local/bin/ctr") == 0o755


def test_it_waits_for_the_server_and_says_so(m: FakeMachine, mirror: Mirror) -> None:
    entry = mirror.put("/kubelet", b"new", "usr/local/bin/kubelet")
    data = mirror.files.pop("/kubelet")
    m.configure(software=[entry])
    m.while_asleep = [
        lambda: mirror.files.update({"/kubelet": data}),
    ]
    software(m)
    assert m.text("usr/local/bin/kubelet") == "new"
    assert f"{entry['url']}: HTTP Error 404: Not Found" in m.console[1]


def test_a_wrong_digest_is_never_put_in_place(m: FakeMachine, mirror: Mirror) -> None:
    entry = mirror.put("/kubelet", b"new", "usr/local/bin/kubelet")
    mirror.files["/kubelet"] = b"evil"
    m.configure(software=[entry])

    def mend() -> None:
        assert not m.path("usr/local/bin/kubelet").exists()
        mirror.files["/kubelet"] = b"new"

    m.while_asleep = [mend]
    software(m)
    assert m.text("usr/local/bin/kubelet") == "new"
    assert "its SHA-256 is not" in m.console[1]
    assert m.slept >= 30  # no server is asked for the same wrong file every second


def test_a_transfer_that_breaks_off_is_tried_again(m: FakeMachine, mirror: Mirror) -> None:
    m.configure(software=[mirror.put("/kubelet", b"new", "usr/local/bin/kubelet")])
    mirror.short = 10
    m.while_asleep = [lambda: setattr(mirror, "short", 0)]
    software(m)
    assert m.text("usr/local/bin/kubelet") == "new"
    assert "IncompleteRead" in m.console[1]


def test_a_cut_after_one_file_goes_on_with_the_next(m: FakeMachine, mirror: Mirror) -> None:
    one = mirror.put("/one", b"1", "opt/one")
    m.configure(software=[one])
    software(m)
    m.configure(software=[one, mirror.put("/two", b"2", "opt/two")])
    software(m)
    assert mirror.asked == ["/one", "/two"]
    assert json.loads(m.text(FETCHED))[0] == one["sha256"]
