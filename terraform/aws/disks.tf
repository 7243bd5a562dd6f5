# Data disks, where `storage:` in the cluster file asks for them. They are machines' own but outlive
# them: a replacement finds etcd's data on its disk and is the member that it was.

resource "aws_ebs_volume" "data" {
  for_each          = module.cluster.disks
  availability_zone = local.node_subnets[local.nodes[each.value.node].subnet].availability_zone
  type              = "gp3"
  size              = each.value.gib
  encrypted         = true
  kms_key_id        = var.volume_kms_key
  tags              = { Name = "${local.name}-${each.key}" }
}

resource "aws_volume_attachment" "data" {
  for_each                       = module.cluster.disks
  volume_id                      = aws_ebs_volume.data[each.key].id
  instance_id                    = aws_instance.node[each.value.node].id
  device_name                    = "/dev/sd${substr("fghijklmnop", each.value.index, 1)}" # AWS's letters for data
  stop_instance_before_detaching = true                                                   # etcd closes its files first
}
