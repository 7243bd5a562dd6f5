variable "rendered" {
  description = "The folder that `nodeseed render` wrote."
  type        = string

  validation {
    condition     = fileexists("${var.rendered}/terraform.tfvars.json")
    error_message = "There is no terraform.tfvars.json in ${var.rendered}: run make userdata CLUSTER=NAME, and give its folder as rendered (../../out/NAME)."
  }
}

variable "default_type" {
  description = "The type of machines for which instance_types names none."
  type        = string
}

variable "instance_types" {
  description = "Type by node, by pool or by role, whichever is found first."
  type        = map(string)
}

variable "data_disk_gib" {
  description = "Size in GiB of a data disk for which storage: in the cluster file names no size."
  type        = number
}

variable "pod_network" {
  description = "Whose ports are opened between machines."
  type        = string
  default     = "cilium"

  validation {
    condition     = contains(keys(local.pod_networks), var.pod_network)
    error_message = "Write one of ${join(", ", keys(local.pod_networks))}."
  }
}
