variable "image_name" {
  description = "The name of the image that is made; for docker repository:tag."
  type        = string
  default     = "nodeseed-node"
}

variable "kubernetes_version" {
  description = "The release of kubelet, kubeadm, kubectl and the control plane's images."
  type        = string
}

variable "containerd_version" {
  description = "The release of containerd, at least 2.0."
  type        = string
}

variable "etcd_version" {
  description = "The release of etcd; kubeadm's own for this release of Kubernetes is the one to take."
  type        = string
}

variable "architecture" {
  description = "amd64 or arm64."
  type        = string
  default     = "amd64"
}

variable "sha256" {
  description = "The checksum of each file."
  type        = map(string)
}

variable "packages" {
  description = "Further Debian packages, such as nfs-common, mdadm or lvm2."
  type        = list(string)
  default     = []
}

variable "image_repository" {
  description = "Where the images of Kubernetes' components come from."
  type        = string
  default     = "registry.k8s.io"
}

variable "images" {
  description = "Further container images, of add-ons and load balancers."
  type        = list(string)
  default     = []
}

variable "modules" {
  description = "Further kernel modules that a node loads; the image is no good without them."
  type        = list(string)
  default     = []
}

variable "software" {
  description = "Files to install instead of the published ones; provision.sh says how."
  type = list(object({
    url     = string
    sha256  = string
    install = string
  }))
  default = []
}

locals {
  kubernetes = "https://dl.k8s.io/release/v${var.kubernetes_version}/bin/linux/${var.architecture}"
  containerd = "https://github.com/containerd/containerd/releases/download/v${var.containerd_version}"
  etcd       = "https://github.com/etcd-io/etcd/releases/download/v${var.etcd_version}"
  etcd_name  = "etcd-v${var.etcd_version}-linux-${var.architecture}"

  published = [
    { file = "kubelet", url = "${local.kubernetes}/kubelet", install = "binary kubelet" },
    { file = "kubeadm", url = "${local.kubernetes}/kubeadm", install = "binary kubeadm" },
    { file = "kubectl", url = "${local.kubernetes}/kubectl", install = "binary kubectl" },
    {
      file    = "containerd"
      url     = "${local.containerd}/containerd-${var.containerd_version}-linux-${var.architecture}.tar.gz"
      install = "tar bin/containerd bin/containerd-shim-runc-v2 bin/ctr"
    },
    {
      file    = "etcd"
      url     = "${local.etcd}/${local.etcd_name}.tar.gz"
      install = "tar ${local.etcd_name}/etcd ${local.etcd_name}/etcdctl"
    },
  ]

  # provision.sh reads a line for each file.
  lines = length(var.software) > 0 ? [
    for file in var.software : "${file.sha256} ${file.url} ${file.install}"
    ] : [
    for file in local.published : "${lookup(var.sha256, file.file, "")} ${file.url} ${file.install}"
  ]
}
