"""cluster-autoscaler for elastic pools on AWS: its IAM policy, and values for its Helm chart. Pure.

It runs on the control planes, in their network: there it reaches the metadata service, which is
closed to all other pods, and has the rights of the control planes' role. One of its replicas works,
the one that holds the Lease, with the timings of kube-controller-manager's leader election.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import yaml

from nodeseed.nodes.design import Design
from nodeseed.nodes.leader_election import FLAGS

TAG = "aws:ResourceTag/k8s.io/cluster-autoscaler/"


def autoscaler_files(design: Design) -> dict[str, str]:
    """Files beside terraform.tfvars.json, by name; none without elastic pools on AWS."""
    if not design.pools or design.platform.name != "aws":
        return {}
    values = yaml.safe_dump(_values(design), sort_keys=False)
    policy = json.dumps(_policy(design), indent=2) + "\n"
    return {
        "cluster-autoscaler-values.yaml": values,
        "cluster-autoscaler-iam-policy.json": policy,
    }


def _values(design: Design) -> dict[str, Any]:
    """Values of the chart cluster-autoscaler (kubernetes.github.io/autoscaler)."""
    cluster = design.cluster
    election = cluster.controllerManager.leaderElection
    control_plane = "node-role.kubernetes.io/control-plane"
    return {
        "cloudProvider": "aws",
        "awsRegion": cluster.platform.options()["region"],
        "autoDiscovery": {"clusterName": cluster.name},
        "replicaCount": min(2, len(design.control_planes)),
        "extraArgs": {
            "leader-elect": "true",
            **{
                flag: f"{getattr(election, field) // timedelta(seconds=1)}s"
                for field, flag in FLAGS.items()
            },
            "balance-similar-node-groups": "true",
        },
        "rbac": {"create": True},
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "nodeSelector": {control_plane: ""},
        "tolerations": [{"key": control_plane, "effect": "NoSchedule"}],
        "priorityClassName": "system-cluster-critical",
    }


def _policy(design: Design) -> dict[str, Any]:
    """What it asks of AWS; only groups with this cluster's tags does it change.

    kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws/README.md, IAM Policy.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Look",
                "Effect": "Allow",
                "Action": [
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeAutoScalingInstances",
                    "autoscaling:DescribeLaunchConfigurations",
                    "autoscaling:DescribeScalingActivities",
                    "autoscaling:DescribeTags",
                    "ec2:DescribeImages",
                    "ec2:DescribeInstanceTypes",
                    "ec2:DescribeLaunchTemplateVersions",
                    "ec2:GetInstanceTypesFromInstanceRequirements",
                ],
                "Resource": "*",
            },
            {
                "Sid": "ChangeOwnGroups",
                "Effect": "Allow",
                "Action": [
                    "autoscaling:SetDesiredCapacity",
                    "autoscaling:TerminateInstanceInAutoScalingGroup",
                ],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        f"{TAG}enabled": "true",
                        f"{TAG}{design.cluster.name}": "owned",
                    }
                },
            },
        ],
    }
