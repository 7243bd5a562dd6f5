# An AMI for Amazon EC2.
variable "aws_region" {
  description = "The region in which the AMI is made."
  type        = string
  default     = "eu-central-1"
}

variable "aws_instance_type" {
  description = "The machine on which it is made."
  type        = string
  default     = "t3.small"
}

source "amazon-ebs" "node" {
  ami_name      = var.image_name
  region        = var.aws_region
  instance_type = var.aws_instance_type
  ssh_username  = "admin"

  source_ami_filter {
    owners      = ["136693071363"] # Debian
    most_recent = true
    filters = {
      name                = "debian-13-amd64-*"
      virtualization-type = "hvm"
    }
  }
}
