"""What each renderer of cloud-init makes of a network-config, as JSON: renderer, file, text.

Runs in cloud-init's interpreter; arguments: the document, and a folder for what is made.
"""

import json
import sys
from pathlib import Path

from cloudinit import distros, util  # noqa: F401 - the renderers import each other through it
from cloudinit.net import eni, netplan, network_state, networkd

RENDERERS = {
    "networkd": networkd.Renderer({}),
    "netplan": netplan.Renderer({"netplan_path": "etc/netplan/50-cloud-init.yaml"}),
    "eni": eni.Renderer({"eni_path": "etc/network/interfaces"}),
}

document = util.load_yaml(Path(sys.argv[1]).read_text())
found = {}
for name, renderer in RENDERERS.items():
    root = Path(sys.argv[2], name)
    root.mkdir(parents=True)
    state = network_state.parse_net_config_data(document, renderer=renderer)
    renderer.render_network_state(state, target=str(root))
    found[name] = {file.name: file.read_text() for file in root.rglob("*") if file.is_file()}
json.dump(found, sys.stdout)
