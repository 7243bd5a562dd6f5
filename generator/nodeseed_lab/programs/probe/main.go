// probe is the only program in the pods that the end-to-end tests start: it serves, asks, looks
// names up, and says what it saw on standard output.
//
//	probe serve [ADDRESS]     answer every HTTP request with this pod's host name (default :8080)
//	probe get URL...          print the body of each; exit 1 if one does not answer 200
//	probe dns NAME...         print the addresses of each; exit 1 if one has none
//	probe await NAME          look a name up again and again; print its addresses once it has some
//	probe load SERVER SECONDS ASKERS NAME...
//	                          ask a DNS server for names; print how that went, in JSON
//	probe answer ADDRESS      be a DNS server that knows every name
//	probe sleep               wait to be stopped
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	patience = 5 * time.Second
	// How exactly `await` knows the moment: a query that is lost holds it up no longer than this.
	impatience = 500 * time.Millisecond
	pause      = 100 * time.Millisecond
)

func main() {
	command, rest := "", []string{}
	if len(os.Args) > 1 {
		command, rest = os.Args[1], os.Args[2:]
	}
	// PID 1 has no default action for SIGTERM: without this every pod takes 30 s to end.
	stop, forget := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer forget()
	switch command {
	case "serve":
		exit(serve(stop, rest))
	case "get":
		exit(each(rest, get))
	case "dns":
		exit(each(rest, lookUp))
	case "await":
		exit(await(stop, rest))
	case "load":
		exit(load(stop, rest))
	case "answer":
		exit(answer(stop, rest))
	case "sleep":
		<-stop.Done()
	default:
		exit(fmt.Errorf("usage: probe serve | get | dns | await | load | answer | sleep"))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(stop context.Context, rest []string) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	server := http.Server{Addr: ":8080"}
	if len(rest) > 0 {
		server.Addr = rest[0]
	}
	server.Handler = http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		fmt.Printf("%s %s from %s\n", request.Method, request.URL, request.RemoteAddr)
		fmt.Fprintln(answer, name)
	})
	go func() {
		<-stop.Done()
		server.Close()
	}()
	fmt.Printf("%s serves on %s\n", name, server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// each does the same for all of them, and goes on to the next where one fails.
func each(items []string, ask func(string) (string, error)) error {
	var failed []string
	for _, item := range items {
		answer, err := ask(item)
		if err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", item, err))
			continue
		}
		fmt.Println(answer)
	}
	if failed != nil {
		return fmt.Errorf("%s", strings.Join(failed, "\n"))
	}
	return nil
}

func get(url string) (string, error) {
	client := http.Client{Timeout: patience}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", response.Status)
	}
	return strings.TrimSpace(string(body)), err
}

func lookUp(name string) (string, error) {
	limited, done := context.WithTimeout(context.Background(), patience)
	defer done()
	addresses, err := net.DefaultResolver.LookupHost(limited, name)
	return strings.Join(addresses, " "), err
}

// await stays when it is done, so that its pod is not started again.
func await(stop context.Context, rest []string) error {
	if len(rest) != 1 {
		return fmt.Errorf("usage: probe await NAME")
	}
	for stop.Err() == nil {
		limited, done := context.WithTimeout(stop, impatience)
		addresses, err := net.DefaultResolver.LookupHost(limited, rest[0])
		done()
		if err == nil {
			fmt.Println(strings.Join(addresses, " "))
			<-stop.Done()
			break
		}
		time.Sleep(pause)
	}
	return nil
}
