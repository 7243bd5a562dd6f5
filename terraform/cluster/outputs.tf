output "rendered" {
  description = "terraform.tfvars.json as it is."
  value       = local.rendered
}

output "name" {
  description = "The cluster's name."
  value       = local.name
}

output "nodes" {
  description = "Machines by name: role, address, zone, the subnet and the type that they get, the file with their user-data."
  value       = local.nodes
}

output "control_planes" {
  description = "The control planes among them."
  value       = { for name, node in local.nodes : name => node if node.role == "control-plane" }
}

output "etcd_members" {
  description = "Names of the machines that run etcd."
  value       = toset([for name, node in local.nodes : name if node.role == local.etcd_role])
}

output "roles" {
  description = "The roles that there are."
  value       = local.roles
}

output "pools" {
  description = "Elastic pools by name."
  value       = local.pools
}

output "types" {
  description = "Types by pool or role; the empty name is any other's."
  value       = local.types
}

output "subnets" {
  description = "The zone of each subnet."
  value       = local.subnets
}

output "network" {
  description = "The smallest network that holds all subnets."
  value       = "${cidrhost("${split("/", local.bases[0])[0]}/${local.prefix}", 0)}/${local.prefix}"
}

output "disks" {
  description = "Data disks: the machine, its how manieth it is, and GiB."
  value       = local.disks
}

output "between" {
  description = "What machines of one role may send to those of another: a rule each."
  value       = local.between
}
