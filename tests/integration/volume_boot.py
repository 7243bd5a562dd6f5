"""One boot of a machine as cloud-init does it, up to the point where it has its user-data.

Runs in cloud-init's interpreter; what a machine would have at /etc/cloud, /var/lib/cloud and
/sys/class was mounted there before. Network configuration and modules are left out: they would
change this computer.
"""

import json
import sys
from pathlib import Path

from cloudinit import sources, stages, util, version
from cloudinit.settings import PER_ALWAYS, PER_INSTANCE


def stage(existing, deps):
    """`cloud-init init`, with or without --local (cmd/main.py, main_init)."""
    init = stages.Init(ds_deps=deps)
    init.read_cfg([])
    init.initialize()
    if existing == "check":
        init.purge_cache()
    init.fetch(existing=existing)
    init.instancify()
    return init


def consume(init):
    """Let cloud-init's handlers take the user-data, as it does in the stage of the datasource."""
    init.setup_datasource()
    init.update()
    ran, _ = init.cloudify().run(
        "consume_data", init.consume_data, args=[PER_INSTANCE], freq=PER_INSTANCE
    )
    if not ran:
        init.consume_data(PER_ALWAYS)


init = stage("check", [sources.DEP_FILESYSTEM])
mode = init.datasource.dsmode
if mode != sources.DSMODE_LOCAL:
    init = stage("trust", [sources.DEP_FILESYSTEM, sources.DEP_NETWORK])
consume(init)
json.dump(
    {
        "version": version.version_string(),
        "mode": mode,
        "seed": init.datasource.seed,
        "instance": init.datasource.get_instance_id(),
        "hostname": util.get_hostname_fqdn(init.cfg, init.cloudify(), metadata_only=True)[0],
        "network": init.datasource.network_config,
        "config": util.load_yaml(
            Path(init.paths.get_ipath_cur("cloud_config")).read_text(), default={}
        ),
    },
    sys.stdout,
)
