# What `nodeseed render` wrote, and what follows from it, the same on every cloud.

locals {
  rendered = jsondecode(file("${var.rendered}/terraform.tfvars.json"))
  name     = local.rendered.cluster_name
  roles    = toset(concat([for node in local.nodes : node.role], length(local.pools) > 0 ? ["worker"] : []))
  pools    = try(local.rendered.pools, {})
  subnets  = { for subnet in local.rendered.subnets : subnet.cidrs[0] => subnet.zone }

  nodes = {
    for name, node in local.rendered.nodes : name => {
      role      = node.role
      address   = node.addresses[0]
      zone      = node.zone
      user_data = "${var.rendered}/${node.user_data}"

      # its own, its pool's, its role's, or any
      type = [
        for key in [name, replace(name, "/-[0-9]+$/", ""), node.role, ""] : lookup(local.types, key, null)
        if contains(keys(local.types), key)
      ][0]

      # the one that its address lies in
      subnet = one([
        for cidr in keys(local.subnets) : cidr
        if cidrhost("${node.addresses[0]}/${split("/", cidr)[1]}", 0) == cidrhost(cidr, 0)
      ])
    }
  }

  types = merge({ "" = var.default_type }, var.instance_types)

  # etcd runs on the control planes, or on machines of its own
  etcd_role = contains([for node in local.rendered.nodes : node.role], "etcd") ? "etcd" : "control-plane"

  # the smallest network that holds all subnets
  bases = keys(local.subnets)
  prefix = max([
    for prefix in range(8, 29) : prefix
    if length(distinct([for cidr in local.bases : cidrhost("${split("/", cidr)[0]}/${prefix}", 0)])) == 1
    && alltrue([for cidr in local.bases : tonumber(split("/", cidr)[1]) >= prefix])
  ]...)

  disks = merge([
    for name, node in local.rendered.nodes : {
      for index, disk in try(node.disks, []) : "${name}-${disk.name}" => {
        node  = name
        index = index
        gib   = disk.gib == null ? var.data_disk_gib : disk.gib
      }
    }
  ]...)
}
