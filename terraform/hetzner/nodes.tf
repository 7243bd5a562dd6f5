# Control planes, workers and all other machines that have a name: made alike, each with its own
# address. A machine changes only when its number in var.replace is raised.

locals {
  image_name = var.image_name != null ? var.image_name : try(local.cluster.image, "")
  image_id   = coalesce(var.image_id, one(data.hcloud_image.node[*].id))
}

data "hcloud_image" "node" {
  count         = var.image_id == null ? 1 : 0
  with_selector = "nodeseed=${local.image_name}"
  most_recent   = true
}

resource "terraform_data" "launch" {
  for_each         = local.nodes
  triggers_replace = lookup(var.replace, each.key, 0)

  lifecycle {
    precondition {
      condition     = var.allow_secrets_in_state
      error_message = "The user-data of ${each.key} holds all of its keys, and saved plans would hold them in clear. Keep plans and state as you keep the seed, and set allow_secrets_in_state = true."
    }
  }
}

# Control planes never share a host.
resource "hcloud_placement_group" "control_plane" {
  name   = "${local.name}-control-plane"
  type   = "spread"
  labels = local.labels
}

resource "hcloud_server" "node" {
  for_each           = local.nodes
  name               = each.key
  image              = local.image_id
  server_type        = each.value.type
  location           = local.locations[each.key]
  placement_group_id = each.value.role == "control-plane" ? hcloud_placement_group.control_plane.id : null
  firewall_ids       = [hcloud_firewall.node.id]
  user_data          = sensitive(file(each.value.user_data))
  labels             = merge(local.labels, { "nodeseed.dev/role" = each.value.role })

  network {
    network_id = hcloud_network.cluster.id
    ip         = each.value.address
  }

  lifecycle {
    ignore_changes       = [image, server_type, user_data]
    replace_triggered_by = [terraform_data.launch[each.key]]
  }

  depends_on = [hcloud_network_subnet.node]
}
