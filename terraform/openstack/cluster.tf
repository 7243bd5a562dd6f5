# What `nodeseed render` wrote.

module "cluster" {
  source         = "../cluster"
  rendered       = var.rendered
  default_type   = "m1.large"
  instance_types = var.instance_types
  data_disk_gib  = var.data_disk_gib
  pod_network    = var.pod_network
}

locals {
  cluster = module.cluster.rendered
  name    = module.cluster.name
  nodes   = module.cluster.nodes
  subnets = module.cluster.subnets
  tags    = ["nodeseed.dev/cluster=${local.name}"]
}
