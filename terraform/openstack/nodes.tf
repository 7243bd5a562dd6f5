# Control planes, workers and all other machines that have a name: made alike, each with its own
# address. A machine changes only when its number in var.replace is raised.

locals {
  image_name = var.image_name != null ? var.image_name : try(local.cluster.image, "")
  image_id   = coalesce(var.image_id, one(data.openstack_images_image_v2.node[*].id))
}

data "openstack_images_image_v2" "node" {
  count       = var.image_id == null ? 1 : 0
  name        = local.image_name
  most_recent = true
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

# Control planes do not share a host where there are enough.
resource "openstack_compute_servergroup_v2" "control_plane" {
  name     = "${local.name}-control-plane"
  policies = ["soft-anti-affinity"]
}

resource "openstack_compute_instance_v2" "node" {
  for_each          = local.nodes
  name              = each.key
  image_id          = local.image_id
  flavor_name       = each.value.type
  availability_zone = each.value.zone
  user_data         = sensitive(filebase64(each.value.user_data))
  metadata          = { "nodeseed.dev/cluster" = local.name, "nodeseed.dev/role" = each.value.role }

  network {
    port = openstack_networking_port_v2.node[each.key].id
  }

  dynamic "scheduler_hints" {
    for_each = each.value.role == "control-plane" ? [openstack_compute_servergroup_v2.control_plane.id] : []

    content {
      group = scheduler_hints.value
    }
  }

  lifecycle {
    ignore_changes       = [image_id, flavor_name, user_data]
    replace_triggered_by = [terraform_data.launch[each.key]]
  }

  depends_on = [openstack_networking_router_interface_v2.node]
}
