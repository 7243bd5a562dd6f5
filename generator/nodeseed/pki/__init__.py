"""Who everyone is: keys, certificates, and the lock file that makes them stay what they are.

``certificates`` is the heart: THE table of every certificate of a cluster. ``seed`` and ``keys``
say where keys come from, ``authority`` signs, ``lock`` remembers dates and generations,
``register`` keeps it, ``dates`` reads it alone, ``identities`` puts all of them together.
"""
