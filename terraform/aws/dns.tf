# The endpoint's name: in a zone of yours, or in a private zone that has this one name and is seen by
# the machines of this VPC alone.

resource "aws_route53_zone" "endpoint" {
  count = var.route53_zone_id == null ? 1 : 0
  name  = local.cluster.endpoint_host

  vpc {
    vpc_id = local.vpc_id
  }
}

resource "aws_route53_record" "endpoint" {
  zone_id = var.route53_zone_id == null ? aws_route53_zone.endpoint[0].zone_id : var.route53_zone_id
  name    = local.cluster.endpoint_host
  type    = "A"

  alias {
    name                   = aws_lb.api.dns_name
    zone_id                = aws_lb.api.zone_id
    evaluate_target_health = false
  }
}
