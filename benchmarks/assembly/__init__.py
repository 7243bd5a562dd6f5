"""How long machines take to become a cluster: ``python -m benchmarks.assembly``.

The same five machines, with the same image, limits, network and load balancer, become the same
cluster in two ways, by turns: by themselves, from nodeseed's user-data; and one after another, as
kubeadm's documentation has it (``kubeadm init``, then ``kubeadm join`` on each node in turn). Both
clocks start when the machines are switched on, all at once. The goals are ratios, so that they mean
the same on every computer.

    watch.py     sees from outside when the cluster is there, and when a pod gets a DNS answer
    serial.py    the classical way
    stages.py    what each node did when, from its journal
    picture.py   the stages of one run of each way, on one time axis (docs/assembly.svg)
"""
