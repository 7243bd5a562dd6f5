# Each machine has a role of its own, which may read that machine's payloads and nothing else.

locals {
  machines = setunion(keys(local.nodes), keys(local.pools))

  # AWS: 64 characters at most
  role_names = {
    for name in local.machines : name => length("${local.name}-${name}") <= 64 ? "${local.name}-${name}" :
    "${substr("${local.name}-${name}", 0, 55)}-${substr(sha256("${local.name}-${name}"), 0, 8)}"
  }
}

resource "aws_iam_role" "node" {
  for_each = local.machines
  name     = local.role_names[each.key]
  path     = "/nodeseed/"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "payload" {
  for_each = local.payloads
  name     = "payload"
  role     = aws_iam_role.node[each.key].id
  policy   = file("${var.rendered}/${each.value.policy}")
}

# The cluster-autoscaler runs on control planes.
resource "aws_iam_role_policy" "autoscaler" {
  for_each = length(local.pools) > 0 ? module.cluster.control_planes : {}
  name     = "cluster-autoscaler"
  role     = aws_iam_role.node[each.key].id
  policy   = file("${var.rendered}/cluster-autoscaler-iam-policy.json")
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each   = { for pair in setproduct(local.machines, var.node_policy_arns) : "${pair[0]} ${pair[1]}" => pair }
  role       = aws_iam_role.node[each.value[0]].name
  policy_arn = each.value[1]
}

resource "aws_iam_instance_profile" "node" {
  for_each = local.machines
  name     = aws_iam_role.node[each.key].name
  path     = "/nodeseed/"
  role     = aws_iam_role.node[each.key].name
}
