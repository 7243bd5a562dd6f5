# One security group for each role; who may connect to what is the table in ../cluster/ports.tf.

locals {
  api_port = local.cluster.api_server_port

  from_outside = merge(
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
    {
      for cidr in var.node_port_cidrs : "kube-proxy health from ${cidr}" => {
        protocol = "tcp", from_port = 10256, to_port = 10256, on = "worker", cidr = cidr
      } if contains(module.cluster.roles, "worker")
    },
  )
}

resource "aws_security_group" "role" {
  for_each    = module.cluster.roles
  name        = "${local.name}-${each.key}"
  description = "Machines of role ${each.key} of cluster ${local.name}"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-${each.key}" }
}

resource "aws_vpc_security_group_egress_rule" "role" {
  for_each          = aws_security_group.role
  security_group_id = each.value.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "between" {
  for_each                     = module.cluster.between
  security_group_id            = aws_security_group.role[each.value.on].id
  referenced_security_group_id = aws_security_group.role[each.value.from].id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.from_port
  to_port                      = each.value.to_port
  tags                         = { Name = each.key }
}

resource "aws_vpc_security_group_ingress_rule" "outside" {
  for_each          = local.from_outside
  security_group_id = aws_security_group.role[each.value.on].id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = each.value.protocol
  from_port         = each.value.from_port
  to_port           = each.value.to_port
  tags              = { Name = each.key }
}

# The load balancer: targets see its address as the client's, so its own group says who may come.

locals {
  # what comes out of the VPC to a public load balancer has a NAT gateway's address
  api_cidrs = merge(
    { for cidr in var.api_allowed_cidrs : cidr => cidr },
    { for zone in var.api_public ? local.nat_zones : [] : "NAT ${zone}" => "${aws_eip.nat[zone].public_ip}/32" },
  )
}

resource "aws_security_group" "api" {
  name        = "${local.name}-api"
  description = "The API's load balancer of cluster ${local.name}"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-api" }
}

resource "aws_vpc_security_group_ingress_rule" "api_role" {
  for_each                     = aws_security_group.role
  security_group_id            = aws_security_group.api.id
  referenced_security_group_id = each.value.id
  ip_protocol                  = "tcp"
  from_port                    = local.cluster.endpoint_port
  to_port                      = local.cluster.endpoint_port
  tags                         = { Name = "API for ${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "api_cidr" {
  for_each          = local.api_cidrs
  security_group_id = aws_security_group.api.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = local.cluster.endpoint_port
  to_port           = local.cluster.endpoint_port
  tags              = { Name = "API from ${each.key}" }
}

resource "aws_vpc_security_group_egress_rule" "api" {
  security_group_id            = aws_security_group.api.id
  referenced_security_group_id = aws_security_group.role["control-plane"].id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_vpc_security_group_ingress_rule" "from_api" {
  security_group_id            = aws_security_group.role["control-plane"].id
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
  tags                         = { Name = "API and its health from the load balancer" }
}
