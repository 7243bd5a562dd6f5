terraform {
  required_version = ">= 1.9"

  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = "~> 3.0"
    }
  }
}

# the cloud comes from OS_CLOUD and clouds.yaml
provider "openstack" {}
