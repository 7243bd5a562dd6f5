# Machines talk to each other in a private network, where firewalls have no say, and reach the internet
# by their public addresses.

resource "hcloud_network" "cluster" {
  name     = local.name
  ip_range = module.cluster.network
  labels   = local.labels
}

resource "hcloud_network_subnet" "node" {
  for_each     = module.cluster.subnets
  network_id   = hcloud_network.cluster.id
  type         = "cloud"
  network_zone = var.network_zone
  ip_range     = each.key
}
