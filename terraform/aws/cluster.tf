# What `nodeseed render` wrote.

module "cluster" {
  source         = "../cluster"
  rendered       = var.rendered
  default_type   = "m6i.large"
  instance_types = var.instance_types
  data_disk_gib  = var.data_disk_gib
  pod_network    = var.pod_network
}

locals {
  cluster  = module.cluster.rendered
  name     = module.cluster.name
  nodes    = module.cluster.nodes
  pools    = module.cluster.pools
  subnets  = module.cluster.subnets
  payloads = try(local.cluster.payloads, {})

  transport = try(local.cluster.transport.name, "inline")
  inline    = local.transport == "inline"
  kms_key   = try(local.cluster.transport.kmsKey, "")

  # cloud provider and CSI driver know their own by the second
  tags = {
    "nodeseed.dev/cluster"                = local.name
    "kubernetes.io/cluster/${local.name}" = "owned"
  }
}
