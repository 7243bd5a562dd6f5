# Everything that the cluster file does not know.

variable "rendered" {
  description = "The folder that `nodeseed render` wrote."
  type        = string
  default     = "../../out/prod"
}

variable "replace" {
  description = "How often each machine was replaced: raise a machine's number and it is made anew, with what was rendered last. Machines that are not listed stay as they are. Raise one control plane's at a time."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.replace), keys(local.nodes))) == 0
    error_message = "There is no machine ${join(", ", setsubtract(keys(var.replace), keys(local.nodes)))} in ${var.rendered}."
  }
}

variable "allow_secrets_in_state" {
  description = "Accept user-data with all keys of a machine in it: there is no other on this platform. Saved plans are then as secret as the seed."
  type        = bool
  default     = false
}

# machines

variable "image_id" {
  description = "The ID of the machines' image. Default: the newest whose name is image_name."
  type        = string
  default     = null
}

variable "image_name" {
  description = "The name of an image that was baked. Default: as `nodeseed bake` names it (docs/image.md)."
  type        = string
  default     = null
}

variable "instance_types" {
  description = "Flavor by node, by pool or by role, whichever is found first, such as { web = \"m1.xlarge\" }."
  type        = map(string)
  default     = {}
}

variable "data_disk_gib" {
  description = "Size in GiB of a data disk for which storage: in the cluster file names no size."
  type        = number
  default     = 20
}

# networking

variable "external_network" {
  description = "The name of the network with floating IPs, to which the router leads."
  type        = string
  default     = "public"
}

variable "api_public" {
  description = "Whether the API's load balancer has a floating IP."
  type        = bool
  default     = false

  validation {
    condition     = !var.api_public || length(var.api_allowed_cidrs) > 0
    error_message = "Say in api_allowed_cidrs who may reach the public API."
  }
}

variable "api_allowed_cidrs" {
  description = "Networks beside the machines that may reach the API, such as a VPN's."
  type        = set(string)
  default     = []
}

variable "pod_network" {
  description = "Whose ports are opened between machines: cilium, calico or flannel (all with VXLAN)."
  type        = string
  default     = "cilium"
}

variable "node_port_cidrs" {
  description = "Networks that may reach Services of type NodePort."
  type        = set(string)
  default     = []
}

variable "ssh_cidrs" {
  description = "Networks that may reach SSH; nodeseed never needs it."
  type        = set(string)
  default     = []
}
