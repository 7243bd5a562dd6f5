"""nodeseed: from one cluster file to the cloud-init user-data of every machine.

The program reads in one direction, and so do its imports::

    cli -> pipeline -> outputs -> render -> nodes -> platforms, endpoints, pki -> spec -> errors

Start with :mod:`nodeseed.pipeline`: it is the whole program on one page.
"""

__version__ = "0.1.0"
