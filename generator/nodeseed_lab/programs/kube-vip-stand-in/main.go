// Stands for kube-vip, whose image and module cannot be had everywhere: it does what kube-vip's
// manifest asks of it, with the same arguments, environment, kubeconfig, host alias and
// capabilities, and nothing else. One instance holds a Lease, and with it the virtual address.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const kubeconfig = "/etc/kubernetes/admin.conf" // as in kube-vip's pkg/manager/manager.go

func main() {
	if len(os.Args) != 2 || os.Args[1] != "manager" {
		log.Fatalf("arguments: %q", os.Args[1:])
	}
	for _, name := range []string{"vip_arp", "cp_enable", "vip_leaderelection"} {
		if os.Getenv(name) != "true" {
			log.Fatalf("%s is not true", name)
		}
	}
	link := interfaceOf(os.Getenv("vip_interface"))
	address, err := netlink.ParseAddr(os.Getenv("address") + "/32")
	check(err)
	check(remove(link, address)) // left behind by one that was killed
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock:            lock(),
		ReleaseOnCancel: true,
		LeaseDuration:   seconds("vip_leaseduration"),
		RenewDeadline:   seconds("vip_renewdeadline"),
		RetryPeriod:     seconds("vip_retryperiod"),
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				check(netlink.AddrReplace(link, address))
				log.Printf("%s is at %s", address.IP, link.Attrs().Name)
				for ctx.Err() == nil {
					check(announce(link, address.IP))
					time.Sleep(3 * time.Second)
				}
			},
			OnStoppedLeading: func() {
				check(remove(link, address))
				log.Fatal("no longer the leader")
			},
		},
	})
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// lock is the Lease, asked for at the host alias whatever the kubeconfig says.
func lock() resourcelock.Interface {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	check(err)
	config.Host = "kubernetes:" + os.Getenv("port")
	config.Timeout = 10 * time.Second
	client, err := kubernetes.NewForConfig(config)
	check(err)
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: os.Getenv("vip_leasename"), Namespace: "kube-system"},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: os.Getenv("vip_nodename")},
	}
}

func seconds(name string) time.Duration {
	number, err := strconv.Atoi(os.Getenv(name))
	check(err)
	return time.Duration(number) * time.Second
}

// interfaceOf finds the interface by name, or that of the default route.
func interfaceOf(name string) netlink.Link {
	if name == "" {
		routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
		check(err)
		for _, route := range routes {
			if route.Dst == nil || route.Dst.IP.IsUnspecified() {
				link, err := netlink.LinkByIndex(route.LinkIndex)
				check(err)
				return link
			}
		}
		log.Fatal("there is no default route")
	}
	link, err := netlink.LinkByName(name)
	check(err)
	return link
}

func remove(link netlink.Link, address *netlink.Addr) error {
	err := netlink.AddrDel(link, address)
	if err != nil && strings.Contains(err.Error(), "cannot assign requested address") {
		return nil
	}
	return err
}

// announce sends a gratuitous ARP request (RFC 5944, section 4.6).
func announce(link netlink.Link, address net.IP) error {
	socket, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	if err != nil {
		return fmt.Errorf("a raw socket: %w", err)
	}
	defer syscall.Close(socket)
	own, ip := link.Attrs().HardwareAddr, address.To4()
	everybody := []byte{255, 255, 255, 255, 255, 255}
	frame := append(append([]byte{}, everybody...), own...)
	// EtherType ARP; Ethernet, IPv4, their lengths, request
	frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	frame = append(append(append(append(frame, own...), ip...), everybody...), ip...)
	protocol := binary.BigEndian.Uint16([]byte{6, 8}) // network order on little-endian machines
	return syscall.Sendto(socket, frame, 0, &syscall.SockaddrLinklayer{
		Protocol: protocol, Ifindex: link.Attrs().Index, Halen: 6,
	})
}
