# Who listens on what, and who may connect.

locals {
  # What the pod network that you install sends between machines (docs/terraform.md).
  pod_networks = {
    cilium  = { vxlan = ["udp", 8472, 8472], health = ["tcp", 4240, 4240] }
    calico  = { vxlan = ["udp", 4789, 4789], typha = ["tcp", 5473, 5473] }
    flannel = { vxlan = ["udp", 8472, 8472] }
  }

  api        = local.rendered.api_server_port
  endpoint   = local.rendered.endpoint_port
  members    = [local.etcd_role]
  kubernetes = ["control-plane", "worker"]

  ports = merge(
    {
      #               protocol, ports, on machines of, from machines of
      api         = ["tcp", local.api, local.api, ["control-plane"], concat(local.kubernetes, ["load-balancer"])]
      endpoint    = ["tcp", local.endpoint, local.endpoint, ["load-balancer"], concat(local.kubernetes, ["load-balancer"])]
      etcd-client = ["tcp", 2379, 2379, local.members, distinct(concat(["control-plane"], local.members))]
      etcd-peer   = ["tcp", 2380, 2381, local.members, local.members] # 2381: metrics
      kubelet     = ["tcp", 10250, 10250, local.kubernetes, local.kubernetes]
    },
    {
      for name, row in local.pod_networks[var.pod_network] :
      name => concat(row, [local.kubernetes, local.kubernetes])
    },
  )

  between = merge([
    for name, row in local.ports : {
      for pair in setproduct(row[3], row[4]) : "${name} on ${pair[0]} from ${pair[1]}" => {
        protocol = row[0], from_port = row[1], to_port = row[2], on = pair[0], from = pair[1]
      } if contains(local.roles, pair[0]) && contains(local.roles, pair[1])
    }
  ]...)
}
