"""Three members as a model of the membership decision, to search every history for a bad one.

Machines start, lose power, are cut off from the others, lose their disks, come back with the same
user-data or with a newer one whose window is closed. Between what a machine sees and what it does
about it anything may happen. etcd is what Raft promises and no more: a log of committed entries,
of which every member has a prefix; a majority of the voters in the latest configuration that it
knows may extend it; a member without a log votes for anybody.

What must never be: a majority that serves without the entries that an earlier majority committed
(`Lost`): a second cluster, or the first one with its memory gone. And what must be: in good
weather everybody ends up as a voter, from wherever the histories have led.

Two losses are excluded from the histories, because no member list can tell them from a first
boot while the window is open: a majority of the disks, and one disk while another founding
member has never heard of the formed cluster. A test shows that the model does find both.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from nodeseed_node import membership
from nodeseed_node.membership import Answer, Decision, Quorum

Decide = Callable[..., Decision]

URLS = {f"m{i}": f"https://10.0.0.{i}:2380" for i in range(3)}


class Place(NamedTuple):
    """One row of a configuration; `generation` 0 is a founding member."""

    generation: int
    started: bool
    learner: bool


Config = tuple[Place | None, ...]
FOUNDING: Config = (Place(0, False, False),) * 3


class Disk(NamedTuple):
    """A member's log: who it is, how long it is, what it says; `founder`: knows FOUNDING."""

    generation: int
    length: int
    config: Config
    revision: int
    founder: bool


class Node(NamedTuple):
    """A machine. `doing` is off, asking, running, or what it decided and has not done yet."""

    doing: str
    disk: Disk | None
    newer: bool  # booted with the user-data of revision 2, whose window is closed


class State(NamedTuple):
    """All machines, who is cut off, the longest log that a majority ever had, what is left."""

    nodes: tuple[Node, ...]
    apart: int
    committed: int
    wipes: int
    cuts: int
    writes: int
    renders: int


class Lost(Exception):
    """A majority serves without what was committed."""


def start(wipes: int = 1, cuts: int = 1, writes: int = 1, renders: int = 1) -> State:
    nodes = (Node("off", None, False),) * 3
    return State(nodes, -1, 0, wipes, cuts, writes, renders)


def near(state: State, i: int) -> list[int]:
    """The machines that are on and can hear i, i among them."""
    on = [j for j in range(3) if state.nodes[j].doing != "off"]
    if state.apart == i:
        return [i]
    return [j for j in on if j != state.apart]


def member(disk: Disk, config: Config, i: int) -> Place | None:
    place = config[i]
    return place if place and place.generation == disk.generation else None


def leader(state: State, among: list[int]) -> tuple[Disk, list[int]] | None:
    """The log that a majority among these machines agrees on, and its voters; None without."""
    running = {j: d for j in among if state.nodes[j].doing == "running" and (d := disk(state, j))}
    for i, best in sorted(running.items(), key=lambda item: -item[1].length):
        place = member(best, best.config, i)
        if place is None or place.learner or not (best.length or best.founder):
            continue
        config = best.config
        voters = [j for j in range(3) if (place := config[j]) and not place.learner]
        agree = [
            j
            for j in voters
            if j in running
            and member(running[j], config, j)
            and running[j].length <= best.length  # nobody votes for a shorter log
        ]
        if len(agree) > len(voters) // 2:
            if best.length < state.committed:
                raise Lost
            return best, agree
    return None


def disk(state: State, i: int) -> Disk | None:
    return state.nodes[i].disk


def listing(disk: Disk) -> Quorum:
    rows = [
        {
            "ID": number(j, place.generation),
            "name": f"m{j}" if place.started or not place.generation else "",
            "peerURLs": [URLS[f"m{j}"]],
            "clientURLs": ["published"] if place.started else [],
            "isLearner": place.learner,
        }
        for j, place in enumerate(disk.config)
        if place
    ]
    return Quorum(rows, disk.revision)


def number(i: int, generation: int) -> str:
    """The ID of a member."""
    return f"{i}-{generation}"


def look(state: State, i: int) -> dict[str, Answer]:
    """What machine i hears when it asks the others."""
    answers: dict[str, Answer] = {}
    heard = near(state, i)
    for j in range(3):
        if j == i:
            continue
        node = state.nodes[j]
        answer: Answer = "silent"
        if j in heard and node.doing == "running" and node.disk:
            found = leader(state, [k for k in heard if k != i])
            if found and found[0].length and j in found[1]:
                answer = listing(found[0])
            elif any(place and place.started for place in node.disk.config):
                answer = "formed"
            elif node.disk.generation:
                answer = "other"  # its member IDs are not those of the founders
            else:
                answer = "empty"
        elif j in heard:
            answer = "formed" if node.disk else "empty"
        answers[URLS[f"m{j}"]] = answer
    return answers


def decided(state: State, i: int, decide: Decide) -> Decision:
    """What machine i decides on what it sees now."""
    node = state.nodes[i]
    etcd = {"members": URLS, "membershipRevision": 2 if node.newer else 1}
    disk = None if node.disk is None else number(i, node.disk.generation)
    return decide({"node": f"m{i}", "etcd": etcd}, disk, look(state, i), True, not node.newer)


def observe(state: State, i: int, decide: Decide) -> Node:
    decision = decided(state, i, decide)
    node = state.nodes[i]
    return node if decision.action == "wait" else node._replace(doing=decision.action)


def replaced(state: State, i: int, node: Node) -> State:
    nodes = list(state.nodes)
    nodes[i] = node
    return state._replace(nodes=tuple(nodes))


def act(state: State, i: int) -> Iterator[State]:
    """Do what was decided, however long ago."""
    node = state.nodes[i]
    again = replaced(state, i, node._replace(doing="asking"))
    if node.doing == "start":
        yield replaced(state, i, node._replace(doing="running"))
    elif node.doing == "new":
        fresh = Disk(0, 0, FOUNDING, 0, True)
        yield replaced(state, i, node._replace(doing="running", disk=fresh))
    elif node.doing == "existing":
        # etcd itself asks for the member list, and ends if it is not in it
        found = leader(state, [j for j in near(state, i) if j != i])
        place = found[0].config[i] if found else None
        if place:
            fresh = Disk(place.generation, 0, FOUNDING, 0, False)
            yield replaced(state, i, node._replace(doing="running", disk=fresh))
        else:
            yield again
    else:
        yield from committing(again, i, node)


def committing(state: State, i: int, node: Node) -> Iterator[State]:
    """Remove or add a member: one entry, if there is a majority now and etcd accepts it."""
    found = leader(state, [j for j in near(state, i) if j != i])
    if found is None:
        yield state
        return
    best, agree = found
    config = list(best.config)
    if node.doing == "remove" and config[i]:
        config[i] = None
    elif node.doing == "add" and not config[i]:
        if any(place and place.learner for place in config):
            yield state
            return
        generation = 1 + max(state.committed, 1)
        config[i] = Place(generation, False, True)
    else:
        yield state
        return
    revision = max(best.revision, 2 if node.newer else 1)
    yield extended(state, best, agree, tuple(config), revision)


def extended(state: State, best: Disk, among: list[int], config: Config, revision: int) -> State:
    """The leader's log, one entry longer, on these machines."""
    length = best.length + 1
    for j in among:
        node = state.nodes[j]
        if node.disk:
            longer = node.disk._replace(length=length, config=config, revision=revision)
            state = replaced(state, j, node._replace(disk=longer))
    return state._replace(committed=length)


def serving(state: State) -> Iterator[State]:
    """A majority catches up, publishes and promotes, or takes a write."""
    for among in groups(state):
        found = leader(state, among)
        if found is None:
            continue
        best, _ = found
        present = [
            j
            for j in among
            if (node := state.nodes[j]).doing == "running"
            and node.disk
            and member(node.disk, best.config, j)
        ]
        for size in (2, 3):
            for some in itertools.combinations(present, size):
                small = leader(state, list(some))
                if small is None or (small[0] is not best and small[0].length != best.length):
                    continue
                caught = all((d := disk(state, j)) and d.length == best.length for j in some)
                if not caught:
                    now = best
                    level = state
                    for j in some:
                        node = state.nodes[j]
                        if node.disk:
                            copy = node.disk._replace(
                                length=now.length, config=now.config, revision=now.revision
                            )
                            level = replaced(level, j, node._replace(disk=copy))
                    yield level
                    continue
                config = tuple(
                    Place(place.generation, True, False) if j in some and place else place
                    for j, place in enumerate(best.config)
                )
                revision = max(best.revision, 1)
                if config != best.config:
                    yield extended(state, best, list(some), config, revision)
                elif state.writes:
                    longer = extended(state, best, list(some), config, revision)
                    yield longer._replace(writes=state.writes - 1)


def groups(state: State) -> list[list[int]]:
    on = [j for j in range(3) if state.nodes[j].doing != "off"]
    if state.apart < 0:
        return [on]
    return [[j for j in on if j != state.apart]]  # one alone is never a majority here


def may_wipe(state: State, i: int) -> bool:
    """Whether the loss of this disk is one that we promise to survive."""
    if not state.committed:
        return True
    others = [d for j in range(3) if j != i and (d := disk(state, j))]
    if len(others) < 2 or not all(d.length for d in others):
        return False
    latest = max((d for d in (*others, disk(state, i)) if d), key=lambda d: d.length)
    voters = [j for j, place in enumerate(latest.config) if place and not place.learner]
    intact = [j for j in voters if j != i and (d := disk(state, j)) and member(d, latest.config, j)]
    return len(intact) > len(voters) // 2


def following(
    state: State, decide: Decide, wipe: Callable[[State, int], bool] = may_wipe
) -> Iterator[State]:
    """Everything that can happen next."""
    for i, node in enumerate(state.nodes):
        if node.doing == "off":
            yield replaced(state, i, node._replace(doing="asking"))
            if state.wipes and node.disk and wipe(state, i):
                yield replaced(state, i, node._replace(disk=None))._replace(wipes=state.wipes - 1)
            if state.renders and not node.newer:
                newer = replaced(state, i, node._replace(newer=True))
                yield newer._replace(renders=state.renders - 1)
            continue
        if state.cuts:
            off = replaced(state, i, node._replace(doing="off"))
            yield off._replace(cuts=state.cuts - 1)
        if node.doing == "asking":
            seen = observe(state, i, decide)
            if seen != node:
                yield replaced(state, i, seen)
        elif node.doing != "running":
            yield from act(state, i)
    if state.apart >= 0:
        yield state._replace(apart=-1)
    elif state.cuts:
        yield from (state._replace(apart=i, cuts=state.cuts - 1) for i in range(3))
    yield from serving(state)


def histories(
    first: State, decide: Decide = membership.decide, **options: Callable[[State, int], bool]
) -> set[State]:
    """Search breadth first; every state that can be reached, each once."""
    seen = {first}
    waiting = deque(seen)
    while waiting:
        for state in following(waiting.popleft(), decide, **options):
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    return seen


def settled(state: State) -> State:
    """Where good weather leads: all on, nobody cut off, nothing more is lost."""
    state = state._replace(apart=-1, wipes=0, cuts=0, writes=0, renders=0)
    for _ in range(100):
        before = state
        for i in range(3):
            if state.nodes[i].doing == "off":
                state = replaced(state, i, state.nodes[i]._replace(doing="asking"))
            if state.nodes[i].doing == "asking":
                state = replaced(state, i, observe(state, i, membership.decide))
            if state.nodes[i].doing not in ("asking", "running"):
                *_, state = act(state, i)
            # the last choice is the largest majority
            *_, state = [state, *serving(state)]
        if state == before:
            return state
    raise AssertionError(f"never settles: {state}")


def excuses(state: State) -> set[str]:
    """Why machines still wait."""
    return {
        decided(state, i, membership.decide).sentence
        for i, node in enumerate(state.nodes)
        if node.doing == "asking"
    }
