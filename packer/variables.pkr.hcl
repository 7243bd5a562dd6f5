variable "software" {
  description = "What is installed beside Debian's packages; see provision.sh for the words."
  type = list(object({
    url     = string
    sha256  = string
    install = string
  }))
}

variable "image_name" {
  description = "The name of the image that is made; for docker repository:tag."
  type        = string
  default     = "nodeseed-node"
}
