# Machines have private addresses only. They reach the internet by the router.

data "openstack_networking_network_v2" "external" {
  name     = var.external_network
  external = true
}

resource "openstack_networking_network_v2" "cluster" {
  name = local.name
  tags = local.tags
}

resource "openstack_networking_subnet_v2" "node" {
  for_each   = local.subnets
  name       = "${local.name}-${each.key}"
  network_id = openstack_networking_network_v2.cluster.id
  cidr       = each.key
  tags       = local.tags
}

resource "openstack_networking_router_v2" "cluster" {
  name                = local.name
  external_network_id = data.openstack_networking_network_v2.external.id
  tags                = local.tags
}

resource "openstack_networking_router_interface_v2" "node" {
  for_each  = openstack_networking_subnet_v2.node
  router_id = openstack_networking_router_v2.cluster.id
  subnet_id = each.value.id
}

# A machine's address is there before it and stays when it is replaced; nobody else gets it.
resource "openstack_networking_port_v2" "node" {
  for_each           = local.nodes
  name               = "${local.name}-${each.key}"
  network_id         = openstack_networking_network_v2.cluster.id
  security_group_ids = [openstack_networking_secgroup_v2.role[each.value.role].id]
  tags               = local.tags

  fixed_ip {
    subnet_id  = openstack_networking_subnet_v2.node[each.value.subnet].id
    ip_address = each.value.address
  }
}
