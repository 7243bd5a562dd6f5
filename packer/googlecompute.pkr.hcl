# An image for Google Compute Engine. Debian's own there has no cloud-init: provision.sh brings it.
variable "gcp_project" {
  description = "The project in which the image is made."
  type        = string
  default     = ""
}

variable "gcp_zone" {
  description = "The zone of the machine on which it is made."
  type        = string
  default     = "europe-west3-a"
}

variable "gcp_machine_type" {
  description = "That machine; default: a small one."
  type        = string
  default     = ""
}

locals {
  gcp_machine_types = { amd64 = "e2-small", arm64 = "t2a-standard-1" }
  gcp_families      = { amd64 = "debian-13", arm64 = "debian-13-arm64" }
}

source "googlecompute" "node" {
  image_name   = replace(var.image_name, ".", "-") # it takes no dots
  project_id   = var.gcp_project
  zone         = var.gcp_zone
  machine_type = var.gcp_machine_type != "" ? var.gcp_machine_type : local.gcp_machine_types[var.architecture]
  disk_size    = 20
  ssh_username = "packer"

  source_image_family     = local.gcp_families[var.architecture]
  source_image_project_id = ["debian-cloud"]

  ssh_clear_authorized_keys = true
}
