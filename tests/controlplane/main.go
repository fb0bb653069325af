// Controlplane is a whole Kubernetes control plane in one process on loopback: etcd, the API server and the controllers
// that the tests need. There is no kubelet and no scheduler: a Pod is an object here, nothing more.
//
//	controlplane DIR
//
// writes DIR/kubeconfig (an administrator's) and prints READY. It ends on SIGTERM, on SIGINT, and when standard input
// closes, so that it never outlives the program that started it.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: controlplane DIR")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		// Nobody writes to it; a read ends when the parent does.
		_, _ = bufio.NewReader(os.Stdin).ReadString(0)
		cancel()
	}()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

// run brings the parts up in the order of their needs and takes them down in the reverse.
func run(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := writeServiceAccountKey(dir); err != nil {
		return fmt.Errorf("make the ServiceAccount key: %w", err)
	}
	token, err := writeAdministratorToken(dir)
	if err != nil {
		return fmt.Errorf("make the administrator's token: %w", err)
	}
	db, err := startEtcd(dir)
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	defer db.Close()

	// A listener of our own at port 0: no port can be taken in between. Started again, it is where it was.
	place := filepath.Join(dir, "address")
	address, err := os.ReadFile(place)
	if err != nil {
		address = []byte("127.0.0.1:0")
	}
	listener, err := net.Listen("tcp", string(address))
	if err != nil {
		return err
	}
	if err := os.WriteFile(place, []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	apiCtx, stopAPI := context.WithCancel(context.Background())
	defer stopAPI()
	apiDone := make(chan error, 1)
	go func() { apiDone <- runAPIServer(apiCtx, dir, listener, db.Clients[0].Addr().String()) }()

	server := "https://" + listener.Addr().String()
	if err := waitReady(ctx, dir, server, apiDone); err != nil {
		return err
	}
	if err := writeKubeconfig(dir, server, token); err != nil {
		return err
	}
	controllersCtx, stopControllers := context.WithCancel(context.Background())
	defer stopControllers()
	controllersDone := make(chan error, 1)
	go func() { controllersDone <- runControllers(controllersCtx, dir) }()
	fmt.Println("READY")

	select {
	case <-ctx.Done():
		err = nil
	case err = <-apiDone:
		return fmt.Errorf("the API server ended: %w", errors.Join(err))
	case err = <-controllersDone:
		return fmt.Errorf("the controllers ended: %w", errors.Join(err))
	}
	stopControllers()
	await(controllersDone)
	stopAPI()
	await(apiDone)
	return err
}

// await gives a part some seconds to end; the process ends in any case.
func await(done <-chan error) {
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
}
