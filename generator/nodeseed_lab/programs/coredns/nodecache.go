package main

import (
	"encoding/binary"
	"log"
	"net"
	"os"
	"syscall"
	"unsafe"
)

const mounted = "/etc/coredns/Corefile.base"

// becomeNodeCache does of k8s-dns-node-cache what the lab can do: that program's Go module cannot be
// had everywhere, nor has every kernel the dummy interface that it makes. Called in the same way,
// it puts the addresses on the loopback interface, copies the Corefile, and goes on as CoreDNS. It
// makes no exception from connection tracking, and fills nothing in.
func becomeNodeCache() {
	arguments := map[string]string{}
	for index := 1; index+1 < len(os.Args); index += 2 {
		arguments[os.Args[index]] = os.Args[index+1]
	}
	text, err := os.ReadFile(mounted)
	if err == nil {
		err = os.WriteFile(arguments["-conf"], text, 0o600)
	}
	if err == nil {
		err = takeAddress(net.ParseIP(arguments["-localip"]).To4())
	}
	if err != nil {
		log.Fatal(err)
	}
	os.Args = []string{"coredns", "-conf", arguments["-conf"]}
}

// takeAddress asks the kernel as `ip address replace ADDRESS/32 dev lo` does (rtnetlink(7)).
func takeAddress(address net.IP) error {
	socket, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	native := binary.NativeEndian
	body := []byte{syscall.AF_INET, 32, 0, syscall.RT_SCOPE_HOST}
	body = native.AppendUint32(body, uint32(loopback.Index))
	for _, attribute := range []uint16{syscall.IFA_LOCAL, syscall.IFA_ADDRESS} {
		body = native.AppendUint16(body, 8)
		body = native.AppendUint16(body, attribute)
		body = append(body, address...)
	}
	header := syscall.NlMsghdr{
		Len:   uint32(syscall.NLMSG_HDRLEN + len(body)),
		Type:  syscall.RTM_NEWADDR,
		Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_ACK | syscall.NLM_F_CREATE | syscall.NLM_F_REPLACE,
	}
	message := append(unsafe.Slice((*byte)(unsafe.Pointer(&header)), syscall.NLMSG_HDRLEN), body...)
	kernel := &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}
	if err := syscall.Sendto(socket, message, 0, kernel); err != nil {
		return err
	}
	reply := make([]byte, 4096)
	if _, _, err := syscall.Recvfrom(socket, reply, 0); err != nil {
		return err
	}
	if code := int32(native.Uint32(reply[syscall.NLMSG_HDRLEN:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
