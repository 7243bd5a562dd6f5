# One way to make a node image, whatever it is made for: the sources are in the files beside this.
build {
  sources = ["source.docker.node", "source.amazon-ebs.node", "source.qemu.node"]

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
    ]
  }

  provisioner "shell" {
    inline = ["rm -rf /tmp/provision"]
  }

  post-processor "docker-tag" {
    only       = ["docker.node"]
    repository = split(":", var.image_name)[0]
    tag        = [split(":", "${var.image_name}:latest")[1]]
  }
}
