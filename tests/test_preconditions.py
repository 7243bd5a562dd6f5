"""What must hold before a render writes anything, and what each refusal says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nodeseed import changes
from nodeseed.errors import CertificateError, LockError, LockWouldChange, SeedError, UpgradeNeeded
from nodeseed.pki.lock import dump_lock, load_lock
from tests.conftest import NOW, Workplace, fixed_secret
from tests.nodes.changes import WORKER, add


def test_a_wrong_seed_is_refused_before_anything_is_derived(workplace: Workplace) -> None:
    workplace.render()
    before = workplace.files()
    workplace.state.save_seed(b"x" * 32)
    with pytest.raises(LockError, match="not the seed of this lock"):
        workplace.render()
    assert workplace.files() == before


def test_seed_without_lock_is_refused_but_for_the_first_time(workplace: Workplace) -> None:
    workplace.state.save_seed(fixed_secret(32))
    with pytest.raises(LockError, match="there is a seed but no lock"):
        workplace.render()
    assert not workplace.out.exists()
    workplace.render(first=True)


def test_lock_without_seed_is_refused(workplace: Workplace) -> None:
    workplace.render()
    workplace.state.seed_path.unlink()
    with pytest.raises(LockError, match="the seed of this lock is missing"):
        workplace.render()


def test_a_seed_that_others_can_read_is_refused(workplace: Workplace) -> None:
    workplace.render()
    workplace.state.seed_path.chmod(0o640)
    with pytest.raises(SeedError, match=r"readable by others .* chmod 600"):
        workplace.render()


@pytest.mark.parametrize(
    "pki",
    [
        {"profile": "cfssl"},
        {"keys": "stored", "classes": {"ca": {"algorithm": "RSA-2048"}}},
    ],
)
def test_a_ca_never_changes(workplace: Workplace, pki: dict[str, Any]) -> None:
    workplace.render()
    before = workplace.files()
    workplace.write(lambda spec: spec.update(pki=pki))
    with pytest.raises(CertificateError, match=r"certificate authority .* would change"):
        workplace.render()
    assert workplace.files() == before


def test_expired_certificates_are_refused_with_the_way_out(workplace: Workplace) -> None:
    workplace.render()
    late = NOW + timedelta(days=4 * 365)
    with pytest.raises(CertificateError, match=r"expired, the first .* nodeseed renew"):
        workplace.render(late)
    changes.renew(workplace.state, nodes=[], classes=[], new_keys=False, now=late)
    report = workplace.render(late)
    assert min(row.expires_in_days for row in report.rows) > 900


def test_a_clock_that_is_behind_the_lock_is_refused(workplace: Workplace) -> None:
    workplace.render()
    with pytest.raises(CertificateError, match="not yet valid"):
        workplace.render(NOW - timedelta(days=400))


def test_locked_fails_where_the_lock_would_change_and_writes_nothing(workplace: Workplace) -> None:
    with pytest.raises(LockWouldChange):
        workplace.render(locked=True)
    workplace.render()
    workplace.render(locked=True)
    before = workplace.files(), workplace.state.lock_path.read_bytes()
    workplace.write(add(WORKER))
    with pytest.raises(LockWouldChange, match="1 nodes change: worker-2"):
        workplace.render(locked=True)
    assert (workplace.files(), workplace.state.lock_path.read_bytes()) == before


def test_another_rendering_needs_an_explicit_upgrade(workplace: Workplace) -> None:
    workplace.render()
    path = workplace.state.lock_path
    lock = load_lock(path.read_bytes(), "x").model_copy(
        update={"rendering": "00", "nodeseed": "0.0.9"}
    )
    path.write_bytes(dump_lock(lock))
    for flags in ({}, {"locked": True}):
        with pytest.raises(UpgradeNeeded, match=r"0\.0\.9 made this lock.*0 of 4 nodes"):
            workplace.render(**flags)
    workplace.render(upgrade=True)
    workplace.render(locked=True)
