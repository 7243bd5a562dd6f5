output "endpoint_record" {
  description = "The record by which others than the machines find the API."
  value       = var.route53_zone_id == null ? "${local.cluster.endpoint_host}. CNAME ${aws_lb.api.dns_name}." : "in zone ${var.route53_zone_id}"
}

output "publish" {
  description = "What is still to be done for the machines to boot."
  value       = local.inline || local.upload ? "nothing" : "nodeseed publish, with the cluster file: payloads of ${local.transport} are not Terraform's"
}

output "replacements" {
  description = "How often each machine was replaced; the order in which to go on is what `nodeseed plan` says."
  value       = { for name in keys(local.nodes) : name => lookup(var.replace, name, 0) }
}

output "instances" {
  description = "The instance of each machine."
  value       = { for name, instance in aws_instance.node : name => instance.id }
}

output "pools" {
  description = "The autoscaling group of each elastic pool."
  value       = { for name, group in aws_autoscaling_group.pool : name => group.name }
}
