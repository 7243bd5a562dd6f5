# Data disks, where `storage:` in the cluster file asks for them. They are machines' own but outlive
# them: a replacement finds etcd's data on its disk and is the member that it was.

resource "hcloud_volume" "data" {
  for_each = module.cluster.disks
  name     = "${local.name}-${each.key}"
  location = local.locations[each.value.node]
  size     = max(10, each.value.gib) # the cloud has none smaller
  labels   = local.labels
}

resource "hcloud_volume_attachment" "data" {
  for_each  = module.cluster.disks
  volume_id = hcloud_volume.data[each.key].id
  server_id = hcloud_server.node[each.value.node].id
  automount = false
}
