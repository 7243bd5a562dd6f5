# The API's Network Load Balancer: TCP through, and only to API servers that say they are ready.

resource "aws_lb" "api" {
  # AWS: 32 characters of a-z, 0-9 and -
  name                             = trimsuffix(substr("${local.name}-api", 0, 32), "-")
  load_balancer_type               = "network"
  internal                         = !var.api_public
  subnets                          = var.api_public ? (local.own_vpc ? [for subnet in aws_subnet.public : subnet.id] : var.public_subnet_ids) : local.zone_subnet_ids
  security_groups                  = [aws_security_group.api.id]
  enable_cross_zone_load_balancing = true                         # a zone without a ready API server is served by the others
  depends_on                       = [aws_network_interface.node] # their addresses first, then one that AWS chooses
}

resource "aws_lb_target_group" "api" {
  name                 = trimsuffix(substr("${local.name}-api", 0, 32), "-")
  vpc_id               = local.vpc_id
  protocol             = "TCP"
  port                 = local.api_port
  target_type          = "ip" # addresses stay when a machine is replaced
  deregistration_delay = 30

  # With the client's address kept, a control plane that is sent to itself waits for ever (hairpin).
  preserve_client_ip = false

  health_check {
    protocol            = "HTTPS"
    path                = "/readyz"
    port                = "traffic-port"
    matcher             = "200"
    interval            = 10
    timeout             = 6
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_target_group_attachment" "api" {
  for_each         = module.cluster.control_planes
  target_group_arn = aws_lb_target_group.api.arn
  target_id        = each.value.address
  port             = local.api_port
}

resource "aws_lb_listener" "api" {
  load_balancer_arn = aws_lb.api.arn
  port              = local.cluster.endpoint_port
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}
