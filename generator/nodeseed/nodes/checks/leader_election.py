"""Whether controller-manager and scheduler can elect a leader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nodeseed.errors import Problem
from nodeseed.nodes.checks.whole import Whole
from nodeseed.nodes.leader_election import FLAGS
from nodeseed.spec.components import ElectedComponent

JITTER: Final = 1.2  # client-go tools/leaderelection/leaderelection.go, JitterFactor


def leader_election(whole: Whole) -> Iterator[Problem]:
    """The timings fit each other, as client-go's NewLeaderElector wants them."""
    for name in ("controllerManager", "scheduler"):
        component: ElectedComponent = getattr(whole.cluster, name)
        timing, at = component.leaderElection, (name, "leaderElection")
        lease, deadline, retry = (
            int(part.total_seconds())
            for part in (timing.leaseDuration, timing.renewDeadline, timing.retryPeriod)
        )
        if lease <= deadline:
            yield whole.problem(
                (*at, "leaseDuration"),
                f"the Lease ({lease}s) ends before its leader gives up ({deadline}s): two of them "
                "would lead",
                f"write more than {deadline}s, or a shorter renewDeadline",
            )
        if deadline <= JITTER * retry:
            yield whole.problem(
                (*at, "renewDeadline"),
                f"{deadline}s leave a leader that tries every {retry}s no second try",
                f"write more than {JITTER * retry:g}s ({JITTER} times retryPeriod), or a shorter "
                "retryPeriod",
            )
        yield from _arguments(whole, name, component)


def _arguments(whole: Whole, name: str, component: ElectedComponent) -> Iterator[Problem]:
    """No flag says the same as the block, and nobody leads unelected beside others."""
    fields = {flag: field for field, flag in FLAGS.items()}
    control_planes = sum(machine.role == "control-plane" for machine in whole.machines)
    for index, argument in enumerate(component.extraArgs):
        at = (name, "extraArgs", index)
        if argument.name in fields:
            yield whole.problem(
                at,
                f"{argument.name} is checked together with the other timings",
                f"write {name}.leaderElection.{fields[argument.name]}",
            )
        elif argument.name == "leader-elect" and argument.value != "true" and control_planes > 1:
            yield whole.problem(
                at,
                f"without an election {control_planes} of them would work at the same time",
                "take it out",
            )
