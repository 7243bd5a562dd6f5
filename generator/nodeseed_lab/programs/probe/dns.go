package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// As a resolver does it: a second for each try, on a socket of its own, and then the next.
	wait  = time.Second
	tries = 5
	// Not at once, where a port is closed: whoever closed it is about to leave the Service.
	pauseOfTries = 10 * time.Millisecond

	// The address that `answer` gives for every name (RFC 5737).
	everywhere = "192.0.2.53"
)

// A tally is what one of the askers saw, and in the end what all of them did.
type tally struct {
	times    []time.Duration
	lost     int // tries that no answer came to
	refused  int // tries that were answered with anything but an address
	hopeless int // queries that got no address in any of their tries
}

// load asks a server for names as fast as it answers, and says in JSON how that went.
func load(stop context.Context, rest []string) error {
	if len(rest) < 4 {
		return errors.New("usage: probe load SERVER SECONDS ASKERS NAME...")
	}
	seconds, err := strconv.Atoi(rest[1])
	if err != nil {
		return err
	}
	askers, err := strconv.Atoi(rest[2])
	if err != nil {
		return err
	}
	names := rest[3:]
	limited, done := context.WithTimeout(stop, time.Duration(seconds)*time.Second)
	defer done()
	began := time.Now()
	tallies := make([]tally, askers)
	var all sync.WaitGroup
	for number := range tallies {
		all.Add(1)
		go func() {
			defer all.Done()
			for query := number; limited.Err() == nil; query++ {
				tallies[number].ask(rest[0], names[query%len(names)], uint16(query))
			}
		}()
	}
	all.Wait()
	total := tally{}
	for _, one := range tallies {
		total.times = append(total.times, one.times...)
		total.lost += one.lost
		total.refused += one.refused
		total.hopeless += one.hopeless
	}
	slices.Sort(total.times)
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"answered":   len(total.times),
		"per second": int(float64(len(total.times)) / time.Since(began).Seconds()),
		"p50 ms":     total.percentile(50),
		"p99 ms":     total.percentile(99),
		"max ms":     total.percentile(100),
		"lost":       total.lost,
		"refused":    total.refused,
		"hopeless":   total.hopeless,
	})
}

func (t *tally) percentile(part int) float64 {
	if len(t.times) == 0 {
		return 0
	}
	at := t.times[(len(t.times)-1)*part/100]
	return float64(at.Microseconds()) / 1000
}

// ask is one query with all its tries; the time that it takes is that of all of them.
func (t *tally) ask(server, name string, id uint16) {
	began := time.Now()
	for range tries {
		good, err := exchange(server, question(name, id))
		switch {
		case err != nil:
			t.lost++
			time.Sleep(pauseOfTries)
		case !good:
			t.refused++
		default:
			t.times = append(t.times, time.Since(began))
			return
		}
	}
	t.hopeless++
}

func exchange(server string, query []byte) (good bool, err error) {
	connection, err := net.Dial("udp", server)
	if err != nil {
		return false, err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(wait))
	if _, err = connection.Write(query); err != nil {
		return false, err
	}
	reply := make([]byte, 1500)
	length, err := connection.Read(reply)
	if err != nil {
		return false, err
	}
	if length < 12 || reply[0] != query[0] || reply[1] != query[1] {
		return false, errors.New("an answer to something else")
	}
	return reply[3]&15 == 0 && binary.BigEndian.Uint16(reply[6:]) > 0, nil
}

// question asks for the IPv4 address of a name (RFC 1035 4.1), recursion desired.
func question(name string, id uint16) []byte {
	query := binary.BigEndian.AppendUint16(nil, id)
	query = append(query, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for label := range strings.SplitSeq(name, ".") {
		query = append(query, byte(len(label)))
		query = append(query, label...)
	}
	return append(query, 0, 0, 1, 0, 1)
}

// answer is a DNS server for whom every name has the same address.
func answer(stop context.Context, rest []string) error {
	if len(rest) != 1 {
		return errors.New("usage: probe answer ADDRESS")
	}
	connection, err := net.ListenPacket("udp", rest[0])
	if err != nil {
		return err
	}
	go func() {
		<-stop.Done()
		connection.Close()
	}()
	fmt.Printf("answers on %s\n", rest[0])
	packet := make([]byte, 1500)
	for {
		length, from, err := connection.ReadFrom(packet)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		end := 12
		for end < length && packet[end] != 0 {
			end += int(packet[end]) + 1
		}
		end += 5 // the root's label, type and class
		if length < 12 || end > length {
			continue
		}
		kind := binary.BigEndian.Uint16(packet[end-4:])
		reply := slices.Clone(packet[:end])
		copy(reply[2:12], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
		if kind == 1 {
			reply[7] = 1
			// the question's name again, for a minute
			reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
			reply = append(reply, net.ParseIP(everywhere).To4()...)
		}
		connection.WriteTo(reply, from)
	}
}
