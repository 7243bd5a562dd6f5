# What `nodeseed render` wrote.

module "cluster" {
  source         = "../cluster"
  rendered       = var.rendered
  default_type   = "cpx31"
  instance_types = var.instance_types
  data_disk_gib  = var.data_disk_gib
}

locals {
  cluster = module.cluster.rendered
  name    = module.cluster.name
  nodes   = module.cluster.nodes
  labels  = { "nodeseed.dev/cluster" = local.name }

  locations = { for name, node in local.nodes : name => node.zone == null ? var.location : node.zone }
}
