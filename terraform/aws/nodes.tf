# Control planes, workers and all other machines that have a name: made alike, each with its own
# address. A machine changes only when its number in var.replace is raised.

locals {
  image_name = var.image_name != null ? var.image_name : try(local.cluster.image, "")
}

data "aws_ami_ids" "baked" {
  owners = ["self"]

  filter {
    name   = "name"
    values = [local.image_name, "${local.image_name}-*"]
  }
}

data "aws_ami" "node" {
  filter {
    name   = "image-id"
    values = [var.image_id != null ? var.image_id : data.aws_ami_ids.baked.ids[0]] # the newest comes first
  }

  lifecycle {
    precondition {
      condition     = var.image_id != null || length(data.aws_ami_ids.baked.ids) > 0
      error_message = "You have no AMI called ${coalesce(local.image_name, "nodeseed-…")} in ${local.cluster.region}. Bake it (make image PLATFORM=aws CLUSTER=${local.name}), or say in image_id which one to take, as you must where the cluster file brings software onto stock images."
    }
  }
}

# What a machine is launched with: it stays until the machine is replaced, so that a machine that was
# lost comes back as it was, with the payload that is still there. A render changes nothing here.
resource "terraform_data" "launch" {
  for_each         = local.nodes
  triggers_replace = lookup(var.replace, each.key, 0)

  input = {
    user_data = sensitive(filebase64(each.value.user_data))
    payload   = try(local.payloads[each.key].names[0], "")
    sha256    = try(filebase64sha256("${var.rendered}/${local.payloads[each.key].file}"), "")
  }

  lifecycle {
    ignore_changes = [input]

    precondition {
      condition     = !local.inline || var.allow_secrets_in_state
      error_message = "The user-data of ${each.key} holds all of its keys, and plans and state would hold them in clear. Write a transport in the cluster file, such as `transport: {name: s3, bucket: NAME}`, and render. Or keep plans and state as you keep the seed, and set allow_secrets_in_state = true."
    }

    precondition {
      condition     = length(local.outdated_members) <= 1 || !contains(local.outdated_members, each.key)
      error_message = "${join(", ", local.outdated_members)} would be replaced at once, and etcd lose its quorum. Raise the number of one, apply, wait until it is Ready, then the next."
    }
  }
}

resource "aws_instance" "node" {
  for_each             = local.nodes
  ami                  = data.aws_ami.node.id
  instance_type        = each.value.type
  iam_instance_profile = aws_iam_instance_profile.node[each.key].name
  user_data_base64     = terraform_data.launch[each.key].input.user_data

  network_interface {
    network_interface_id = aws_network_interface.node[each.key].id
    device_index         = 0
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1 # pods are one hop further away
  }

  root_block_device {
    encrypted   = true
    kms_key_id  = var.volume_kms_key
    volume_type = "gp3"
    volume_size = var.root_volume_gib
  }

  tags = {
    Name                   = each.key
    "nodeseed.dev/role"    = each.value.role
    "nodeseed.dev/replace" = lookup(var.replace, each.key, 0)
  }

  lifecycle {
    ignore_changes       = [ami, instance_type, root_block_device, user_data, user_data_base64]
    replace_triggered_by = [terraform_data.launch[each.key]]
  }

  # it would only wait for them; and its old payload goes after it
  depends_on = [aws_s3_object.payload, aws_iam_role_policy.payload, aws_route.node, aws_route_table_association.node, aws_vpc_endpoint.s3]
}

# etcd members that live with another number than var.replace says: they are to be replaced.

data "aws_instances" "member" {
  for_each             = module.cluster.etcd_members
  instance_state_names = ["pending", "running", "stopping", "stopped"]

  instance_tags = {
    Name                   = each.key
    "nodeseed.dev/cluster" = local.name
  }
}

data "aws_instances" "current_member" {
  for_each             = module.cluster.etcd_members
  instance_state_names = ["pending", "running", "stopping", "stopped"]

  instance_tags = {
    Name                   = each.key
    "nodeseed.dev/cluster" = local.name
    "nodeseed.dev/replace" = lookup(var.replace, each.key, 0)
  }
}

locals {
  outdated_members = [
    for name in module.cluster.etcd_members : name
    if length(data.aws_instances.member[name].ids) > length(data.aws_instances.current_member[name].ids)
  ]
}
