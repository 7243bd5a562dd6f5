# Everything that the cluster file does not know. With the defaults nothing needs to be said.

variable "rendered" {
  description = "The folder that `nodeseed render` wrote."
  type        = string
  default     = "../../out/prod"
}

variable "replace" {
  description = "How often each machine was replaced: raise a machine's number and it is made anew, with what was rendered last. Machines that are not listed stay as they are."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.replace), keys(local.nodes))) == 0
    error_message = "There is no machine ${join(", ", setsubtract(keys(var.replace), keys(local.nodes)))} in ${var.rendered}."
  }
}

variable "allow_secrets_in_state" {
  description = "Accept user-data with all keys of a machine in it (transport inline). Plans and state are then as secret as the seed."
  type        = bool
  default     = false
}

# machines

variable "image_id" {
  description = "The AMI of the machines, such as ami-0123456789abcdef0. Default: your newest that is called image_name, or that and -WORD."
  type        = string
  default     = null
}

variable "image_name" {
  description = "The name of an AMI that was baked. Default: as `nodeseed bake` names it (docs/image.md)."
  type        = string
  default     = null
}

variable "instance_types" {
  description = "Instance type by node, by pool or by role, whichever is found first, such as { web = \"c7i.xlarge\" }."
  type        = map(string)
  default     = {}
}

variable "root_volume_gib" {
  description = "Size of root volumes in GiB."
  type        = number
  default     = 50
}

variable "data_disk_gib" {
  description = "Size in GiB of a data disk for which storage: in the cluster file names no size."
  type        = number
  default     = 20
}

variable "volume_kms_key" {
  description = "ARN of the KMS key that encrypts volumes. Default: the account's own for EBS."
  type        = string
  default     = null
}

variable "node_policy_arns" {
  description = "Further IAM policies for every machine's role, such as that of the EBS CSI driver."
  type        = set(string)
  default     = []
}

# payloads

variable "create_bucket" {
  description = "Make the bucket of transport s3. false: it exists already."
  type        = bool
  default     = true
}

# networking

variable "vpc_id" {
  description = "An existing VPC that has the subnets of the cluster file, with their routes. Default: one is made."
  type        = string
  default     = null
}

variable "public_cidr" {
  description = "Addresses for NAT gateways and a public load balancer in a VPC that is made: a /24 or larger apart from all subnets. 100.64.0.0/10 (RFC 6598) never meets machines, pods or Services."
  type        = string
  default     = "100.64.0.0/24"
}

variable "nat_gateways" {
  description = "How machines reach the internet: by a NAT gateway per-zone, by one for all, or by none."
  type        = string
  default     = "per-zone"

  validation {
    condition     = contains(["per-zone", "one", "none"], var.nat_gateways)
    error_message = "Write per-zone, one or none."
  }
}

variable "api_public" {
  description = "Whether the API's load balancer has public addresses. A change makes it anew, under another name."
  type        = bool
  default     = false

  validation {
    condition     = !var.api_public || length(var.api_allowed_cidrs) > 0
    error_message = "Say in api_allowed_cidrs who may reach the public API."
  }

  validation {
    condition     = !var.api_public || var.vpc_id != null || var.nat_gateways != "none"
    error_message = "Machines reach a public API by NAT gateways: nat_gateways = \"none\" would shut them out."
  }
}

variable "api_allowed_cidrs" {
  description = "Networks beside the machines that may reach the API, such as a VPN's. With vpc_id and api_public also the addresses with which machines come out of that VPC."
  type        = set(string)
  default     = []
}

variable "public_subnet_ids" {
  description = "Subnets for the load balancer: with vpc_id and api_public."
  type        = set(string)
  default     = []

  validation {
    condition     = var.vpc_id == null || !var.api_public || length(var.public_subnet_ids) > 0
    error_message = "A public API in a VPC of yours needs public_subnet_ids, one for each zone."
  }
}

variable "route53_zone_id" {
  description = "The hosted zone for the endpoint's name. Default: a private zone for this one name, and the output endpoint_record for everybody else."
  type        = string
  default     = null
}

variable "pod_network" {
  description = "Whose ports are opened between machines: cilium, calico or flannel (all with VXLAN)."
  type        = string
  default     = "cilium"
}

variable "node_port_cidrs" {
  description = "Networks that may reach Services of type NodePort, such as those of a load balancer."
  type        = set(string)
  default     = []
}

variable "ssh_cidrs" {
  description = "Networks that may reach SSH; nodeseed never needs it."
  type        = set(string)
  default     = []
}
