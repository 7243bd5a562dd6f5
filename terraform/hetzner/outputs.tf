output "endpoint_record" {
  description = "The record by which machines and people find the API."
  value       = "${local.cluster.endpoint_host}. A ${var.api_public ? hcloud_load_balancer.api.ipv4 : hcloud_load_balancer_network.api.ip}"
}

output "replacements" {
  description = "How often each machine was replaced; the order in which to go on is what `nodeseed plan` says."
  value       = { for name in keys(local.nodes) : name => lookup(var.replace, name, 0) }
}

output "instances" {
  description = "The server of each machine."
  value       = { for name, server in hcloud_server.node : name => server.id }
}
