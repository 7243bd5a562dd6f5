# Machines have private addresses only. They reach the internet by NAT gateways, which lie in subnets
# of their own, and S3 by a gateway endpoint, which costs nothing.

locals {
  own_vpc = var.vpc_id == null

  # one subnet of each zone, for what AWS wants once in a zone
  zones = { for cidr, zone in local.subnets : coalesce(zone, cidr) => cidr... }

  with_public  = local.own_vpc && (var.api_public || var.nat_gateways != "none")
  public_zones = local.with_public ? keys(local.zones) : []
  nat_zones = {
    per-zone = local.public_zones
    one      = slice(local.public_zones, 0, min(1, length(local.public_zones)))
    none     = []
  }[var.nat_gateways]

  vpc_id          = local.own_vpc ? aws_vpc.cluster[0].id : var.vpc_id
  node_subnets    = local.own_vpc ? aws_subnet.node : data.aws_subnet.node
  zone_subnet_ids = [for cidrs in values(local.zones) : local.node_subnets[cidrs[0]].id]
}

resource "aws_vpc" "cluster" {
  count                = local.own_vpc ? 1 : 0
  cidr_block           = module.cluster.network
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.name }

  lifecycle {
    precondition {
      condition     = alltrue([for subnet in local.cluster.subnets : length(subnet.cidrs) == 1])
      error_message = "This module makes IPv4 networks; IPv6 addresses are AWS's to give. Bring a VPC (vpc_id), or write one IPv4 network for each subnet."
    }
  }
}

data "aws_subnet" "node" {
  for_each   = local.own_vpc ? {} : local.subnets
  vpc_id     = var.vpc_id
  cidr_block = each.key
}

resource "aws_subnet" "node" {
  for_each          = local.own_vpc ? local.subnets : {}
  vpc_id            = local.vpc_id
  cidr_block        = each.key
  availability_zone = each.value
  tags              = { Name = "${local.name}-${coalesce(each.value, each.key)}", "kubernetes.io/role/internal-elb" = "1" }
}

resource "aws_route_table" "node" {
  for_each = local.own_vpc ? local.subnets : {}
  vpc_id   = local.vpc_id
  tags     = { Name = "${local.name}-${coalesce(each.value, each.key)}" }
}

resource "aws_route_table_association" "node" {
  for_each       = aws_route_table.node
  subnet_id      = aws_subnet.node[each.key].id
  route_table_id = each.value.id
}

resource "aws_vpc_endpoint" "s3" {
  count             = local.own_vpc ? 1 : 0
  vpc_id            = local.vpc_id
  service_name      = "com.amazonaws.${local.cluster.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.node : table.id]
  tags              = { Name = "${local.name}-s3" }
}

# A machine's address is there before it and stays when it is replaced; AWS gives it to nobody else.
resource "aws_network_interface" "node" {
  for_each        = local.nodes
  subnet_id       = local.node_subnets[each.value.subnet].id
  private_ips     = [each.value.address]
  security_groups = [aws_security_group.role[each.value.role].id]
  tags            = { Name = each.key }
}

# The way out.

resource "aws_internet_gateway" "cluster" {
  count  = local.with_public ? 1 : 0
  vpc_id = local.vpc_id
  tags   = { Name = local.name }
}

resource "aws_vpc_ipv4_cidr_block_association" "public" {
  count      = local.with_public ? 1 : 0
  vpc_id     = local.vpc_id
  cidr_block = var.public_cidr
}

resource "aws_subnet" "public" {
  for_each          = toset(local.public_zones)
  vpc_id            = aws_vpc_ipv4_cidr_block_association.public[0].vpc_id
  cidr_block        = cidrsubnet(var.public_cidr, 3, index(local.public_zones, each.key))
  availability_zone = local.subnets[local.zones[each.key][0]]
  tags              = { Name = "${local.name}-public-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_route_table" "public" {
  count  = local.with_public ? 1 : 0
  vpc_id = local.vpc_id
  tags   = { Name = "${local.name}-public" }
}

resource "aws_route" "public" {
  count                  = local.with_public ? 1 : 0
  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.cluster[0].id
}

resource "aws_route_table_association" "public" {
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)
  domain   = "vpc"
  tags     = { Name = "${local.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "zone" {
  for_each      = toset(local.nat_zones)
  subnet_id     = aws_subnet.public[each.key].id
  allocation_id = aws_eip.nat[each.key].id
  tags          = { Name = "${local.name}-${each.key}" }
  depends_on    = [aws_route.public]
}

resource "aws_route" "node" {
  for_each               = length(local.nat_zones) > 0 ? local.subnets : {}
  route_table_id         = aws_route_table.node[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id = aws_nat_gateway.zone[
    contains(local.nat_zones, coalesce(each.value, each.key)) ? coalesce(each.value, each.key) : local.nat_zones[0]
  ].id
}
