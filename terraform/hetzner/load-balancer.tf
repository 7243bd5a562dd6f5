# The API's load balancer: TCP through, and only to API servers that say they are ready.

resource "hcloud_load_balancer" "api" {
  name               = "${local.name}-api"
  load_balancer_type = "lb11"
  network_zone       = var.network_zone
  labels             = local.labels
}

resource "hcloud_load_balancer_network" "api" {
  load_balancer_id        = hcloud_load_balancer.api.id
  network_id              = hcloud_network.cluster.id
  enable_public_interface = var.api_public
  depends_on              = [hcloud_server.node] # their addresses first, then one that the cloud chooses
}

resource "hcloud_load_balancer_service" "api" {
  load_balancer_id = hcloud_load_balancer.api.id
  protocol         = "tcp"
  listen_port      = local.cluster.endpoint_port
  destination_port = local.cluster.api_server_port

  health_check {
    protocol = "http"
    port     = local.cluster.api_server_port
    interval = 10
    timeout  = 5
    retries  = 2

    http {
      path         = "/readyz"
      tls          = true
      status_codes = ["200"]
    }
  }
}

resource "hcloud_load_balancer_target" "api" {
  for_each         = module.cluster.control_planes
  type             = "server"
  load_balancer_id = hcloud_load_balancer.api.id
  server_id        = hcloud_server.node[each.key].id
  use_private_ip   = true
  depends_on       = [hcloud_load_balancer_network.api]
}
