# One security group for each role; who may connect to what is the table in ../cluster/ports.tf.

locals {
  api_port = local.cluster.api_server_port

  from_outside = merge(
    # Octavia's addresses are those of the subnets
    {
      for cidr in keys(local.subnets) : "API and its health from ${cidr}" => {
        protocol = "tcp", from_port = local.api_port, to_port = local.api_port, on = "control-plane", cidr = cidr
      }
    },
    {
      for pair in setproduct(module.cluster.roles, var.ssh_cidrs) : "ssh on ${pair[0]} from ${pair[1]}" => {
        protocol = "tcp", from_port = 22, to_port = 22, on = pair[0], cidr = pair[1]
      }
    },
    merge([
      for protocol in ["tcp", "udp"] : {
        for cidr in var.node_port_cidrs : "node ports ${protocol} from ${cidr}" => {
          protocol = protocol, from_port = 30000, to_port = 32767, on = "worker", cidr = cidr
        } if contains(module.cluster.roles, "worker")
      }
    ]...),
  )
}

resource "openstack_networking_secgroup_v2" "role" {
  for_each    = module.cluster.roles
  name        = "${local.name}-${each.key}"
  description = "Machines of role ${each.key} of cluster ${local.name}"
  tags        = local.tags
}

resource "openstack_networking_secgroup_rule_v2" "between" {
  for_each          = module.cluster.between
  description       = each.key
  direction         = "ingress"
  ethertype         = "IPv4"
  security_group_id = openstack_networking_secgroup_v2.role[each.value.on].id
  remote_group_id   = openstack_networking_secgroup_v2.role[each.value.from].id
  protocol          = each.value.protocol
  port_range_min    = each.value.from_port
  port_range_max    = each.value.to_port
}

resource "openstack_networking_secgroup_rule_v2" "outside" {
  for_each          = local.from_outside
  description       = each.key
  direction         = "ingress"
  ethertype         = "IPv4"
  security_group_id = openstack_networking_secgroup_v2.role[each.value.on].id
  remote_ip_prefix  = each.value.cidr
  protocol          = each.value.protocol
  port_range_min    = each.value.from_port
  port_range_max    = each.value.to_port
}
