# An image for OpenStack. The cloud and who one is there come from clouds.yaml and OS_CLOUD, or from
# the variables of an openrc file (OS_AUTH_URL …).
variable "openstack_source_image" {
  description = "The name of the image to begin with: Debian's cloud image, uploaded before."
  type        = string
  default     = "debian-13"
}

variable "openstack_flavor" {
  description = "The flavor of the machine on which it is made."
  type        = string
  default     = "m1.small"
}

variable "openstack_network" {
  description = "The ID of the network of that machine."
  type        = string
  default     = ""
}

variable "openstack_floating_network" {
  description = "The network with floating addresses, where the machine is not reached without."
  type        = string
  default     = ""
}

source "openstack" "node" {
  image_name          = var.image_name
  source_image_name   = var.openstack_source_image
  flavor              = var.openstack_flavor
  networks            = var.openstack_network != "" ? [var.openstack_network] : []
  floating_ip_network = var.openstack_floating_network
  ssh_username        = "debian"

  ssh_clear_authorized_keys = true
}
