package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd runs one member on loopback, at ports of its own choice. What it keeps is not worth an fsync.
func startEtcd(dir string) (*embed.Etcd, error) {
	any := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "etcd")
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	config.EnableGRPCGateway = false
	config.ListenClientUrls, config.AdvertiseClientUrls = any, any
	config.ListenPeerUrls, config.AdvertisePeerUrls = any, any
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	db, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-db.Server.ReadyNotify():
		return db, nil
	case err := <-db.Err():
		return nil, err
	case <-time.After(30 * time.Second):
		db.Close()
		return nil, errors.New("not ready within 30 s")
	}
}
