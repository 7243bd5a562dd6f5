# An AMI for Amazon EC2.
variable "aws_region" {
  description = "The region in which the AMI is made."
  type        = string
  default     = "eu-central-1"
}

variable "aws_instance_type" {
  description = "The machine on which it is made; default: a small one."
  type        = string
  default     = ""
}

locals {
  aws_instance_types = { amd64 = "t3.small", arm64 = "t4g.small" }
}

source "amazon-ebs" "node" {
  ami_name      = var.image_name
  region        = var.aws_region
  instance_type = var.aws_instance_type != "" ? var.aws_instance_type : local.aws_instance_types[var.architecture]
  ssh_username  = "admin"

  # Debian's sshd takes no RSA key from a Packer that signs with SHA-1.
  temporary_key_pair_type   = "ed25519"
  ssh_clear_authorized_keys = true

  source_ami_filter {
    owners      = ["136693071363"] # Debian
    most_recent = true
    filters = {
      name                = "debian-13-${var.architecture}-*"
      virtualization-type = "hvm"
    }
  }
}
