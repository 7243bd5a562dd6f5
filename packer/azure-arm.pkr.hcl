# A managed image for Microsoft Azure.
variable "azure_subscription" {
  description = "The ID of the subscription in which the image is made."
  type        = string
  default     = ""
}

variable "azure_resource_group" {
  description = "The resource group that the image goes to; it exists already."
  type        = string
  default     = ""
}

variable "azure_location" {
  description = "The region of the image and of the machine on which it is made."
  type        = string
  default     = "westeurope"
}

variable "azure_vm_size" {
  description = "That machine; default: a small one."
  type        = string
  default     = ""
}

locals {
  azure_vm_sizes = { amd64 = "Standard_B2s", arm64 = "Standard_B2pls_v2" }
  azure_skus     = { amd64 = "13-gen2", arm64 = "13-arm64" }
}

source "azure-arm" "node" {
  managed_image_name                = var.image_name
  managed_image_resource_group_name = var.azure_resource_group
  subscription_id                   = var.azure_subscription
  use_azure_cli_auth                = true # az login
  location                          = var.azure_location
  vm_size                           = var.azure_vm_size != "" ? var.azure_vm_size : local.azure_vm_sizes[var.architecture]
  ssh_username                      = "packer"

  os_type         = "Linux"
  image_publisher = "Debian"
  image_offer     = "debian-13"
  image_sku       = local.azure_skus[var.architecture]
}
