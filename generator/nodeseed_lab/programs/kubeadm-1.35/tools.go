//go:build tools

package programs

import _ "k8s.io/kubernetes/cmd/kubeadm"
