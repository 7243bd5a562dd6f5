"""The flags with which controller-manager and scheduler elect a leader. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from nodeseed.spec.components import LeaderElection

# Flag without dashes, by field; client-go tools/leaderelection has the meaning of each.
FLAGS: Final = {
    "leaseDuration": "leader-elect-lease-duration",
    "renewDeadline": "leader-elect-renew-deadline",
    "retryPeriod": "leader-elect-retry-period",
}


def leader_election_flags(timing: LeaderElection) -> dict[str, str]:
    """The flags that differ from Kubernetes' own defaults."""
    default = LeaderElection()
    return {
        flag: f"{getattr(timing, field) // timedelta(seconds=1)}s"
        for field, flag in FLAGS.items()
        if getattr(timing, field) != getattr(default, field)
    }
