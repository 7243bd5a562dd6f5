# A qcow2 disk for KVM, Proxmox, OpenStack and whatever else takes one.
variable "qemu_disk" {
  description = "The disk to begin with."
  type        = string
  default     = "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2"
}

variable "qemu_disk_checksum" {
  description = "Its checksum, or where its publisher's list of checksums is."
  type        = string
  default     = "file:https://cloud.debian.org/images/cloud/trixie/latest/SHA512SUMS"
}

variable "qemu_password" {
  description = "The password of the account packer, which exists only while the image is made."
  type        = string
  default     = "packer"
}

source "qemu" "node" {
  vm_name          = "${var.image_name}.qcow2"
  output_directory = "out/${var.image_name}"
  iso_url          = var.qemu_disk
  iso_checksum     = var.qemu_disk_checksum
  disk_image       = true
  disk_size        = "10G"
  format           = "qcow2"
  memory           = 2048
  headless         = true
  ssh_username     = "root"
  ssh_password     = var.qemu_password
  ssh_timeout      = "15m"
  shutdown_command = "shutdown -P now"
}
