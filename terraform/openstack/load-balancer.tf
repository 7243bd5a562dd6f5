# The API's load balancer (Octavia): TCP through, and only to API servers that say they are ready.

resource "openstack_lb_loadbalancer_v2" "api" {
  name          = "${local.name}-api"
  vip_subnet_id = values(openstack_networking_subnet_v2.node)[0].id
  depends_on    = [openstack_networking_port_v2.node] # their addresses first, then one that the cloud chooses
}

resource "openstack_lb_listener_v2" "api" {
  name            = "${local.name}-api"
  loadbalancer_id = openstack_lb_loadbalancer_v2.api.id
  protocol        = "TCP"
  protocol_port   = local.cluster.endpoint_port
  allowed_cidrs   = var.api_public ? setunion(keys(local.subnets), var.api_allowed_cidrs) : null
}

resource "openstack_lb_pool_v2" "api" {
  name        = "${local.name}-api"
  listener_id = openstack_lb_listener_v2.api.id
  protocol    = "TCP"
  lb_method   = "LEAST_CONNECTIONS"
}

resource "openstack_lb_monitor_v2" "api" {
  pool_id        = openstack_lb_pool_v2.api.id
  type           = "HTTPS"
  url_path       = "/readyz"
  expected_codes = "200"
  delay          = 10
  timeout        = 5
  max_retries    = 2
}

resource "openstack_lb_member_v2" "api" {
  for_each      = module.cluster.control_planes
  name          = each.key
  pool_id       = openstack_lb_pool_v2.api.id
  subnet_id     = openstack_networking_subnet_v2.node[each.value.subnet].id
  address       = each.value.address
  protocol_port = local.api_port
}

resource "openstack_networking_floatingip_v2" "api" {
  count   = var.api_public ? 1 : 0
  pool    = var.external_network
  port_id = openstack_lb_loadbalancer_v2.api.vip_port_id
  tags    = local.tags
}
