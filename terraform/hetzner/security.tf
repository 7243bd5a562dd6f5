# What the internet may reach at machines' public addresses: nothing, unless you say so.

resource "hcloud_firewall" "node" {
  name   = local.name
  labels = local.labels

  dynamic "rule" {
    for_each = merge(
      length(var.ssh_cidrs) > 0 ? { "tcp 22" = ["tcp", "22", var.ssh_cidrs] } : {},
      length(var.node_port_cidrs) > 0 ? {
        "tcp 30000-32767" = ["tcp", "30000-32767", var.node_port_cidrs]
        "udp 30000-32767" = ["udp", "30000-32767", var.node_port_cidrs]
      } : {},
    )

    content {
      direction   = "in"
      description = rule.key
      protocol    = rule.value[0]
      port        = rule.value[1]
      source_ips  = rule.value[2]
    }
  }
}
