"""The program that every node runs, one module per step, standard library only, Python 3.9.

`nodeseed.render.program` cuts it per role, joins the modules into one file and strips it for
shipping; it lands at /usr/local/lib/nodeseed/node.py and runs as `node.py STEP`.

    run.py            a step by name
    fetch.py          the payload that the user-data only names
    fetch_age.py      the same, encrypted with age
    delete_payload.py what was fetched goes from the store
    machine.py        the one seam to the outside: files under a root, commands, console, status
    install.py        the staged tree moves into place, newer revisions only
    membership.py     pure: may etcd start here, and how (the one decision that can lose data)
    member.py         a member list as etcd tells it, and what the log on the disk says we are
    etcd.py           asks the peers, answers them, carries the decision out
    answer.py         what a waiting machine answers its peers on etcd's peer port
    promote.py        a learner becomes a voter; the cluster remembers its member list
    maintenance.py    etcd's alarms, and the space that deleted data left behind
    static_pod.py     the same decision where etcd is a static pod
    disks.py          which disk is meant, and whether it may be written to
    storage.py        file systems of the node's own disks, made once and mounted
    storage_containers.py  those of containerd and the kubelet, with what they hold already
    storage_pod.py    the decision of a static pod that has a disk of its own
    raid.py           arrays of disks
    lvm.py            volume groups of disks
    clear.py          what was made of disks is blank at its ends
    https.py          one request, trusting our own CAs
    preflight.py      name, addresses, versions, disks, certificates, clock
    ipvs.py           kernel modules for kube-proxy's ipvs mode
    routes.py         routes to all pods, without a CNI plugin that makes them
    pods.py           the control plane's manifests, once etcd is healthy
    once.py           what a cluster needs once: whether it is done, and for which version
    control_plane.py  manifests, and
    cluster.py        what a cluster needs once, as kubeadm does them
    control_plane_rendered.py, cluster_rendered.py  the same, by ourselves
    api.py            requests to this node's API server
    dns.py            its DNS, where the cluster file speaks of it
    wait_api.py       a worker's kubelet waits here for the API
    elastic.py        who a machine of an elastic pool is
    bootstrap.py      what it waits for before it is a node
    approve.py        control planes approve its certificates, and
    csr.py            decide which of them (pure)
"""
