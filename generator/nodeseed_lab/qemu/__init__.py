"""Machines with a kernel of their own: QEMU, Debian's cloud kernel, and what containers lack.

A container shares its host's kernel; where that has no RAID, LVM, NFS or IPVS, or where a whole
boot is to be seen, a machine is emulated (no KVM is asked for: what runs the tests may have none).

Rooms, in the order in which they import one another:

- `architecture`: all that depends on the processor.
- `channel`: JSON over a pair of sockets, for QEMU itself and for the agent in the machine.
- `image`: kernel, initial RAM disk and root file system, made once of Debian's packages.
- `hardware`: disks and network cards.
- `machine`: one machine and its life.
- `booted`: the state of a machine that has booted, from which others begin in seconds.
"""
