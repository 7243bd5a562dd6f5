"""User-data by the way that it takes on each platform: from metadata as the platform serves it,
through that platform's datasource, then cloud-init's processing, to files under a folder.

Runs in cloud-init's interpreter; arguments: the platform, the folder with every node's files, and a
folder for what is made. A server on the loopback address stands for the metadata service and
answers as the platform's documentation says. Each function gives what the datasource keeps as
``userdata_raw``.
"""

import base64
import http.server
import importlib
import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from cloudinit import helpers, url_helper, user_data, util
from cloudinit.config import cc_write_files

ANSWERS = {}  # path: what the metadata service says


class Service(http.server.BaseHTTPRequestHandler):
    """The metadata service."""

    def do_GET(self):
        answer = ANSWERS.get(self.path.rstrip("/"))
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Length", str(len(answer or b"")))
        self.end_headers()
        self.wfile.write(answer or b"")

    do_PUT = do_GET  # noqa: N815 - http.server's word

    def log_message(self, *arguments):
        pass


def source(name):
    """The module of a datasource."""
    return importlib.import_module(f"cloudinit.sources.DataSource{name}")


def new(name, settings):
    """A datasource with these settings."""
    kind = getattr(source(name), f"DataSource{name}")
    return kind({"datasource": {name: settings}}, None, PATHS)


def ec2(files):
    ANSWERS["/latest/api/token"] = b"token"
    for version in ("2009-04-04", "2016-09-02", "2018-09-24", "2021-03-23"):
        ANSWERS[f"/{version}/meta-data"] = b"instance-id"
        ANSWERS[f"/{version}/meta-data/instance-id"] = b"i-0123456789abcdef0"
        ANSWERS[f"/{version}/user-data"] = base64.b64decode(files["user-data.b64"])
    datasource = new("Ec2", {"metadata_urls": [URL], "strict_id": False})
    return datasource.crawl_metadata()["user-data"]


def cloudstack(files):
    ANSWERS["/latest/meta-data"] = b"instance-id"
    ANSWERS["/latest/meta-data/instance-id"] = b"i-1"
    ANSWERS["/latest/user-data"] = base64.b64decode(files["user-data.b64"])
    ec2_helper = importlib.import_module("cloudinit.sources.helpers.ec2")
    return ec2_helper.get_instance_userdata("latest", URL)


def gcp(files):
    attributes = {"user-data": files["user-data"].decode(), "user-data-encoding": "base64"}
    root = "/computeMetadata/v1"
    ANSWERS[f"{root}/instance/id"] = b"1"
    ANSWERS[f"{root}/instance/zone"] = b"projects/1/zones/europe-west1-b"
    ANSWERS[f"{root}/instance/hostname"] = b"x.internal"
    ANSWERS[f"{root}/instance/attributes/?recursive=True"] = json.dumps(attributes).encode()
    ANSWERS[f"{root}/project/attributes/?recursive=True"] = b"{}"
    patience = SimpleNamespace(num_retries=0, sec_between_retries=0)
    return source("GCE").read_md(f"{URL}{root}/", patience, platform_check=False)["user-data"]


OVF = """<ns0:Environment xmlns:ns0="http://schemas.dmtf.org/ovf/environment/1"
 xmlns:ns1="http://schemas.microsoft.com/windowsazure">
<ns1:ProvisioningSection><ns1:Version>1.0</ns1:Version>
<ns1:LinuxProvisioningConfigurationSet>
<ns1:ConfigurationSetType>LinuxProvisioningConfiguration</ns1:ConfigurationSetType>
<ns1:HostName>x</ns1:HostName><ns1:UserName>u</ns1:UserName>
<ns1:CustomData>{data}</ns1:CustomData>
</ns1:LinuxProvisioningConfigurationSet></ns1:ProvisioningSection>
<ns1:PlatformSettingsSection><ns1:Version>1.0</ns1:Version>
<ns1:PlatformSettings></ns1:PlatformSettings></ns1:PlatformSettingsSection>
</ns0:Environment>"""


def azure(files):
    text = OVF.format(data=files["user-data.b64"].decode())
    return source("Azure").read_azure_ovf(text)[1]


def openstack(files):
    ANSWERS["/openstack"] = b"2018-08-27\nlatest"
    ANSWERS["/openstack/2018-08-27/meta_data.json"] = b'{"uuid": "1", "name": "x"}'
    ANSWERS["/openstack/2018-08-27/user_data"] = files["user-data"]
    for name in ("vendor_data", "vendor_data2", "network_data"):
        ANSWERS[f"/openstack/2018-08-27/{name}.json"] = b"{}"
    reader = importlib.import_module("cloudinit.sources.helpers.openstack").MetadataReader
    reader._read_ec2_metadata = lambda self: {}  # which it asks for at the real address
    return reader(URL, retries=0).read_v2()["userdata"]


def digitalocean(files):
    ANSWERS["/metadata/v1.json"] = json.dumps({"user_data": files["user-data"].decode()}).encode()
    reader = importlib.import_module("cloudinit.sources.helpers.digitalocean").read_metadata
    return reader(f"{URL}/metadata/v1.json")["user_data"]


def hetzner(files):
    url = f"{URL}/hetzner/v1/userdata"
    ANSWERS["/hetzner/v1/userdata"] = files["user-data"]
    helper = importlib.import_module("cloudinit.sources.helpers.hetzner")
    if hasattr(helper, "read_userdata"):  # until 25
        raw = helper.read_userdata(url)
    else:
        raw = url_helper.readurl(url).contents
    old = getattr(helper, "maybe_b64decode", None)  # until 24
    return old(raw) if old else util.maybe_b64decode(raw)


def linode(files):
    ANSWERS["/v1/token"] = b"token"
    ANSWERS["/v1/instance"] = b'{"id": 1}'
    ANSWERS["/v1/user-data"] = files["user-data.b64"]
    paths = {"token": "/v1/token", "metadata": "/v1/instance", "userdata": "/v1/user-data"}
    datasource = new("Akamai", {"base_urls": {"ipv4": URL, "ipv6": URL}, "paths": paths})
    datasource._fetch_metadata()
    return datasource.userdata_raw


def oci(files):
    document = {"id": "1", "metadata": {"user_data": files["user-data.b64"].decode()}}
    ANSWERS["/opc/v2/instance"] = json.dumps(document).encode()
    module = source("Oracle")
    pattern = URL + "/opc/v{version}/{path}/"
    if hasattr(module, "METADATA_PATTERN"):  # until 24
        module.METADATA_PATTERN = pattern
        found = module.read_opc_metadata()
    else:
        found = module.read_opc_metadata(metadata_patterns=[pattern])
    return base64.b64decode(found.instance_data["metadata"]["user_data"])


def vultr(files):
    text = base64.b64decode(files["user-data.b64"]).decode()
    ANSWERS["/v1.json"] = json.dumps({"user-data": text}).encode()
    helper = importlib.import_module("cloudinit.sources.helpers.vultr")
    return json.loads(helper.read_metadata(URL, 5, 1, 1, "cloud-init"))["user-data"]


def scaleway(files):
    import requests  # noqa: PLC0415 - no other platform needs it

    ANSWERS["/user_data/cloud-init"] = files["user-data"]
    once = source("Scaleway").query_data_api_once
    return once(f"{URL}/user_data/cloud-init", 5, requests.Session())


def vsphere(files):
    os.environ["VMX_GUESTINFO_USERDATA"] = files["user-data"].decode()
    os.environ["VMX_GUESTINFO_USERDATA_ENCODING"] = "gzip+base64"
    return source("VMware").guestinfo_envvar("userdata")


def nocloud(files):
    content = files["user-data"]
    if "user-data.b64" in files:  # a Secret of Kubernetes holds bytes
        content = base64.b64decode(files["user-data.b64"])
    seed = Path(PATHS.seed_dir) / "nocloud"
    seed.mkdir(parents=True, exist_ok=True)
    (seed / "user-data").write_bytes(content)
    (seed / "meta-data").write_bytes(files.get("meta-data", b"instance-id: i-1\n"))
    datasource = new("NoCloud", {"fs_label": None})
    assert datasource._get_data()
    return datasource.userdata_raw


PLATFORMS = {
    "aws": ec2,
    "gcp": gcp,
    "azure": azure,
    "openstack": openstack,
    "digitalocean": digitalocean,
    "hetzner": hetzner,
    "linode": linode,
    "oci": oci,
    "vultr": vultr,
    "scaleway": scaleway,
    "vsphere": vsphere,
    "cloudstack": cloudstack,
    "proxmox": nocloud,
    "kubevirt": nocloud,
    "nocloud": nocloud,
}


def unpacked(raw, root):
    """Let cloud-init write the files under a folder; give what else the cloud-config says."""
    message = user_data.UserDataProcessor(PATHS).process(raw)
    (part,) = [part for part in message.walk() if not part.is_multipart()]
    assert part.get_content_type() == "text/cloud-config", part.get_content_type()
    config = util.load_yaml(util.fully_decoded_payload(part))
    assert config, "cloud-init finds no cloud-config in these bytes"
    files = config.pop("write_files")
    for file in files:
        file["path"] = root + file["path"]
    cc_write_files.write_files("write_files", files, "root:root")
    return config


platform, nodes, own = sys.argv[1:]
PATHS = helpers.Paths({"cloud_dir": f"{own}/cloud", "run_dir": f"{own}/run"})
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{server.server_port}"
rest = {}
for folder in sorted(Path(nodes).iterdir()):
    if folder.is_dir():
        content = {file.name: file.read_bytes() for file in folder.iterdir()}
        raw = PLATFORMS[platform](content)
        rest[folder.name] = unpacked(raw, f"{own}/{folder.name}")
json.dump(rest, sys.stdout)
