# One way to make a node image, whatever it is made for: the sources are in the files beside this.
build {
  sources = [
    "source.amazon-ebs.node",
    "source.azure-arm.node",
    "source.docker.node",
    "source.googlecompute.node",
    "source.hcloud.node",
    "source.openstack.node",
    "source.qemu.node",
  ]

  provisioner "shell" {
    inline = ["mkdir -p /tmp/provision"]
  }

  provisioner "file" {
    source      = "${path.root}/"
    destination = "/tmp/provision"
  }

  provisioner "shell" {
    script          = "${path.root}/provision.sh"
    execute_command = "chmod +x {{ .Path }}; if [ $(id -u) = 0 ]; then env {{ .Vars }} {{ .Path }}; else sudo env {{ .Vars }} {{ .Path }}; fi"
    environment_vars = [
      "SOFTWARE=${join("\n", local.lines)}",
      "PACKAGES=${join(" ", var.packages)}",
      "IMAGES=${join(" ", var.images)}",
      "IMAGE_REPOSITORY=${var.image_repository}",
      "MODULES=${join(" ", var.modules)}",
      "IMAGE_NAME=${var.image_name}",
      "KUBERNETES_VERSION=${var.kubernetes_version}",
      "CONTAINERD_VERSION=${var.containerd_version}",
      "ETCD_VERSION=${var.etcd_version}",
    ]
  }

  # Azure's agent takes its own account with it, by whose session this still runs: the last command.
  provisioner "shell" {
    only            = ["azure-arm.node"]
    inline          = ["waagent -force -deprovision+user"]
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} sh {{ .Path }}"
    skip_clean      = true
  }

  post-processor "docker-tag" {
    only       = ["docker.node"]
    repository = split(":", var.image_name)[0]
    tags       = [split(":", "${var.image_name}:latest")[1]]
  }
}
