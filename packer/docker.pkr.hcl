# Machines in containers: the lab's.
variable "docker_base" {
  description = "The image to begin with: Debian with systemd and cloud-init."
  type        = string
  default     = "nodeseed-lab/base:latest"
}

variable "docker_volumes" {
  description = "Folders of this machine by their place in the container: software with file: URLs, and /var/lib/containerd, which must not lie on the container's own overlay."
  type        = map(string)
  default     = {}
}

source "docker" "node" {
  image   = var.docker_base
  pull    = false
  commit  = true
  volumes = var.docker_volumes

  # containerd mounts layers to unpack them. Not --privileged: that fails where the machine itself
  # lacks a capability, as some virtual machines lack SYS_RESOURCE.
  run_command = [
    "-d", "-i", "-t", "--network=none", "--stop-signal=SIGRTMIN+3",
    "--cap-add=ALL", "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined",
    "--entrypoint=/bin/sh", "{{ .Image }}",
  ]

  changes = [
    "ENTRYPOINT []",
    "CMD [\"/usr/local/sbin/lab-init\"]",
  ]
}
