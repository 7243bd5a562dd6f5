# Data disks, where `storage:` in the cluster file asks for them. They are machines' own but outlive
# them: a replacement finds etcd's data on its disk and is the member that it was.

resource "openstack_blockstorage_volume_v3" "data" {
  for_each          = module.cluster.disks
  name              = "${local.name}-${each.key}"
  availability_zone = local.nodes[each.value.node].zone
  size              = each.value.gib
}

resource "openstack_compute_volume_attach_v2" "data" {
  for_each    = module.cluster.disks
  instance_id = openstack_compute_instance_v2.node[each.value.node].id
  volume_id   = openstack_blockstorage_volume_v3.data[each.key].id
}
