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
  description = "The ID of the machines' image or snapshot. Default: your newest snapshot with the label nodeseed=image_name."
  type        = string
  default     = null
}

variable "image_name" {
  description = "The name of a snapshot that was baked. Default: as `nodeseed bake` names it (docs/image.md)."
  type        = string
  default     = null
}

variable "instance_types" {
  description = "Server type by node, by pool or by role, whichever is found first, such as { web = \"cpx41\" }."
  type        = map(string)
  default     = {}
}

variable "data_disk_gib" {
  description = "Size in GiB of a data disk for which storage: in the cluster file names no size; at least 10."
  type        = number
  default     = 20
}

# networking

variable "location" {
  description = "Where machines are whose subnet has no zone: fsn1, nbg1, hel1 …"
  type        = string
  default     = "fsn1"
}

variable "network_zone" {
  description = "The network zone of all locations."
  type        = string
  default     = "eu-central"
}

variable "api_public" {
  description = "Whether the API's load balancer has a public address, too. It is open to all: this load balancer has no firewall."
  type        = bool
  default     = false
}

variable "node_port_cidrs" {
  description = "Networks that may reach Services of type NodePort at machines' public addresses."
  type        = set(string)
  default     = []
}

variable "ssh_cidrs" {
  description = "Networks that may reach SSH; nodeseed never needs it."
  type        = set(string)
  default     = []
}
