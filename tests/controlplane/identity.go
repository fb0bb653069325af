package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

const (
	serviceAccountKey = "service-account.key"
	tokenFile         = "tokens.csv"
)

// writeServiceAccountKey makes the key that ServiceAccount tokens are signed with. One that is there stays: tokens outlive a
// restart.
func writeServiceAccountKey(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, serviceAccountKey)); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return os.WriteFile(filepath.Join(dir, serviceAccountKey), text, 0o600)
}

// writeAdministratorToken makes a random token that RBAC lets do everything. One that is there stays.
func writeAdministratorToken(dir string) (string, error) {
	if token, err := os.ReadFile(filepath.Join(dir, "token")); err == nil {
		return string(token), nil
	}
	random := make([]byte, 24)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	token := hex.EncodeToString(random)
	line := token + `,administrator,administrator,"system:masters"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, tokenFile), []byte(line), 0o600); err != nil {
		return "", err
	}
	return token, os.WriteFile(filepath.Join(dir, "token"), []byte(token), 0o600)
}

// writeKubeconfig writes the administrator's, with everything inside. It appears whole or not at all.
func writeKubeconfig(dir, server, token string) error {
	ca, err := os.ReadFile(filepath.Join(dir, "apiserver.crt"))
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: embedded
contexts: [{name: embedded, context: {cluster: embedded, user: administrator}}]
clusters: [{name: embedded, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: administrator, user: {token: %s}}]
`, server, base64.StdEncoding.EncodeToString(ca), token)
	file := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
