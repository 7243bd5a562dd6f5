output "endpoint_record" {
  description = "The record by which machines and people find the API."
  value       = "${local.cluster.endpoint_host}. A ${var.api_public ? openstack_networking_floatingip_v2.api[0].address : openstack_lb_loadbalancer_v2.api.vip_address}"
}

output "replacements" {
  description = "How often each machine was replaced; the order in which to go on is what `nodeseed plan` says."
  value       = { for name in keys(local.nodes) : name => lookup(var.replace, name, 0) }
}

output "instances" {
  description = "The server of each machine."
  value       = { for name, server in openstack_compute_instance_v2.node : name => server.id }
}
