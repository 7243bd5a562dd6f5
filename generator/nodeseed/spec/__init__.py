"""What the operator wrote: the cluster file, strictly read, with line numbers for every message.

``source`` parses YAML without its surprises, ``fields`` are the kinds of values, ``cluster`` is the
file's whole shape with all defaults, ``versions`` is what depends on a release, ``load`` puts them
together.
"""
