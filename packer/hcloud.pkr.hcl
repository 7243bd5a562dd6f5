# A snapshot for Hetzner Cloud. The token comes from HCLOUD_TOKEN.
variable "hetzner_location" {
  description = "Where the machine stands on which it is made; a snapshot serves all locations."
  type        = string
  default     = "nbg1"
}

variable "hetzner_server_type" {
  description = "That machine; default: a small one."
  type        = string
  default     = ""
}

locals {
  hetzner_server_types = { amd64 = "cx23", arm64 = "cax11" }
}

source "hcloud" "node" {
  snapshot_name   = var.image_name
  snapshot_labels = { nodeseed = var.image_name }
  image           = "debian-13"
  location        = var.hetzner_location
  server_type     = var.hetzner_server_type != "" ? var.hetzner_server_type : local.hetzner_server_types[var.architecture]
  ssh_username    = "root"

  temporary_key_pair_type   = "ed25519" # as in amazon-ebs.pkr.hcl
  ssh_clear_authorized_keys = true
}
