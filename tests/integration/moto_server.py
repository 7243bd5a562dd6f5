"""moto's server with four answers as AWS gives them; run as a program, with moto's own arguments.

moto 5.2 takes no notice of a bucket policy's condition, takes a zone of a VPC for a public one,
gives a launch template's own tags to the machines that it makes, and leaves the network interface
that a machine was started with at that machine when it is terminated.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from moto.ec2.models.instances import Instance
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.iam.access_control import PermissionResult
from moto.route53.responses import Route53
from moto.s3.models import FakeBucket
from moto.server import main

WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}

bucket_permission = FakeBucket.get_permission
flag = Route53._get_bool_param
terminate = Instance.terminate
template_version = LaunchTemplateVersion.__init__


def permission_over_tls(bucket: FakeBucket, action: str, resource: str) -> Any:
    """Requests count as sent by TLS, so what is only about others does not apply."""
    statements = json.loads(bucket.policy)["Statement"] if bucket.policy else []
    if all(statement.get("Condition") == WITHOUT_TLS for statement in statements):
        return PermissionResult.NEUTRAL
    return bucket_permission(bucket, action, resource)


def flag_of_zone(request: Route53, name: str, default: bool | None = None) -> Any:
    """A zone is private if it is made with a VPC."""
    if name == "HostedZoneConfig.PrivateZone":
        return request._get_param("VPC.VPCId") is not None
    return flag(request, name, default)


def version_of_template(
    version: LaunchTemplateVersion, template: Any, number: int, data: Any, description: str
) -> None:
    """The data of a template say nothing of the template's own tags."""
    rest = [s for s in data.get("TagSpecifications", []) if s["ResourceType"] != "launch-template"]
    template_version(version, template, number, {**data, "TagSpecifications": rest}, description)


def terminate_and_let_go(instance: Instance) -> Any:
    """An interface that was there before the machine is free again."""
    before = terminate(instance)
    for index, interface in list(instance.nics.items()):
        if not interface.delete_on_termination:
            last = copy.copy(interface)
            instance.detach_eni(interface)
            instance.nics[index] = last  # moto describes a machine by it
    return before


if __name__ == "__main__":
    FakeBucket.get_permission = permission_over_tls
    Route53._get_bool_param = flag_of_zone
    LaunchTemplateVersion.__init__ = version_of_template
    Instance.terminate = terminate_and_let_go
    main()
