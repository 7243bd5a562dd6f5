# What an image holds beside Debian's packages: releases, and the sha256 of each file as its
# publisher gives it. docs/image.md says where to read them; an image is not baked without.
kubernetes_version = "1.37.2"
containerd_version = "2.3.5"
etcd_version       = "3.7.0"

sha256 = {
  kubelet    = ""
  kubeadm    = ""
  kubectl    = ""
  containerd = ""
  etcd       = ""
}
