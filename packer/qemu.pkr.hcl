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

variable "qemu_accelerator" {
  description = "kvm, or tcg where there is none."
  type        = string
  default     = "kvm"
}

source "qemu" "node" {
  vm_name          = "${var.image_name}.qcow2"
  output_directory = "out/images/${var.image_name}"
  iso_url          = var.qemu_disk
  iso_checksum     = var.qemu_disk_checksum
  disk_image       = true
  disk_size        = "10G"
  format           = "qcow2"
  accelerator      = var.qemu_accelerator
  memory           = 2048
  headless         = true

  # cloud-init makes an account for Packer, which is removed with the last command.
  cd_label         = "cidata"
  cd_files         = ["${path.root}/qemu-seed/user-data", "${path.root}/qemu-seed/meta-data"]
  ssh_username     = "packer"
  ssh_password     = "packer"
  ssh_timeout      = "15m"
  shutdown_command = "sudo sh -c 'rm -f /etc/sudoers.d/90-cloud-init-users /etc/ssh/sshd_config.d/50-cloud-init.conf; userdel -f -r packer; shutdown -P now'"
}
