# Elastic pools: autoscaling groups, all of whose machines boot with one user-data. Their size is the
# cluster-autoscaler's; new user-data is for machines that come, not for those that are there.

resource "aws_s3_object" "pool" {
  for_each               = local.upload ? local.pools : {}
  bucket                 = local.bucket
  key                    = local.payloads[each.key].names[0]
  source                 = "${var.rendered}/${local.payloads[each.key].file}"
  source_hash            = local.payloads[each.key].sha256
  content_type           = "application/octet-stream"
  server_side_encryption = local.kms_key == "" ? "AES256" : "aws:kms"
  kms_key_id             = local.kms_key == "" ? null : local.kms_key

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [
    aws_s3_bucket_public_access_block.payloads,
    aws_s3_bucket_server_side_encryption_configuration.payloads,
    aws_s3_bucket_versioning.payloads,
  ]
}

resource "aws_launch_template" "pool" {
  for_each               = local.pools
  name                   = "${local.name}-${each.key}"
  image_id               = data.aws_ami.node.id
  instance_type          = try(module.cluster.types[each.key], module.cluster.types["worker"], module.cluster.types[""])
  vpc_security_group_ids = [aws_security_group.role["worker"].id]
  user_data              = sensitive(filebase64("${var.rendered}/${each.value.user_data}"))
  update_default_version = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.node[each.key].arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = data.aws_ami.node.root_device_name

    ebs {
      encrypted   = true
      kms_key_id  = var.volume_kms_key
      volume_type = "gp3"
      volume_size = var.root_volume_gib
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = local.tags
  }

  tag_specifications {
    resource_type = "volume"
    tags          = local.tags
  }

  lifecycle {
    precondition {
      condition     = !local.inline || var.allow_secrets_in_state
      error_message = "The user-data of pool ${each.key} holds its bootstrap token, and plans and state would hold it in clear. Write a transport in the cluster file, such as `transport: {name: s3, bucket: NAME}`, and render. Or keep plans and state as you keep the seed, and set allow_secrets_in_state = true."
    }
  }

  depends_on = [aws_s3_object.pool, aws_iam_role_policy.payload]
}

resource "aws_autoscaling_group" "pool" {
  for_each = local.pools
  name     = "${local.name}-${each.key}"
  min_size = each.value.min
  max_size = each.value.max

  vpc_zone_identifier = [
    for cidr, zone in local.subnets : local.node_subnets[cidr].id
    if length(each.value.zones) == 0 || contains(each.value.zones, coalesce(zone, cidr))
  ]

  launch_template {
    id      = aws_launch_template.pool[each.key].id
    version = aws_launch_template.pool[each.key].latest_version
  }

  # By these the cluster-autoscaler finds the group, and knows what a node of it would be.
  dynamic "tag" {
    for_each = merge({ Name = "${local.name}-${each.key}" }, each.value.tags)

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }

  lifecycle {
    ignore_changes = [desired_capacity]
  }

  depends_on = [aws_route.node, aws_route_table_association.node, aws_vpc_endpoint.s3, aws_network_interface.node]
}
