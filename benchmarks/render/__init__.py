"""How fast, how lean and how large: ``make bench``.

Each measurement runs in a process and on one core of its own. Speed is a ratio, so that it means
the same on every machine: a whole render (cluster file in, every file out) against the floor, which
is the same keys derived, the same certificates signed and the same PEM written with the
cryptography library directly, the same bytes packed with libdeflate and the same files written
plainly. The floor knows everything in advance and checks nothing. A second yardstick is cfssl,
which makes a sample of the same certificates the classical way, one call for each.

Goals: a ratio of at most 2 at both sizes, less than 500 MB at 10,000 workers.

    cluster.py       what is rendered
    floor.py         the same keys and certificates, with the cryptography library alone
    cfssl.py         a sample of them, with cfssl
    measurements.py  seconds and bytes of each, in processes of their own
    report.py        what a person wants to know of them
"""
