package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/streams"
)

// restricted says that this process plays a role that must not change the streams.
func (m *Main) restricted() bool {
	role := streams.Role(m.config.NATS.Role)
	return role != "" && role != streams.RoleOperator
}

// users are the embedded server's: none where everybody may join, else one a role.
func (m *Main) users(storeDir string) ([]streams.User, error) {
	if !m.config.NATS.Authorize {
		return nil, nil
	}
	var users []streams.User
	for _, r := range streams.Roles() {
		password, err := drawPassword(storeDir, r)
		if err != nil {
			return nil, err
		}
		users = append(users, streams.User{Name: string(r), Password: password, Permissions: streams.PermissionsOf(r, stageVersion)})
	}
	return users, nil
}

func (m *Main) embeddedTLS() *streams.ServerTLS {
	n := m.config.NATS
	if n.EmbeddedCert == "" {
		return nil
	}
	return &streams.ServerTLS{CertFile: n.EmbeddedCert, KeyFile: n.EmbeddedKey, ClientCA: n.EmbeddedCA}
}

func passwordPath(storeDir string, r streams.Role) string {
	return filepath.Join(storeDir, "passwords", string(r))
}

// drawPassword reads a role's password, or draws it where there is none yet.
func drawPassword(storeDir string, r streams.Role) (string, error) {
	path := passwordPath(storeDir, r)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("passwords of the log: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readPassword(storeDir, r)
	}
	if err != nil {
		return "", fmt.Errorf("passwords of the log: %w", err)
	}
	password := rand.Text()
	_, err = f.WriteString(password + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("passwords of the log: %w", err)
	}
	return password, nil
}

func readPassword(storeDir string, r streams.Role) (string, error) {
	data, err := os.ReadFile(passwordPath(storeDir, r))
	if err != nil {
		return "", fmt.Errorf("the password of role %s: %w; give this user the file, or set nats.role to one that it may read", r, err)
	}
	password := strings.TrimSpace(string(data))
	if password == "" {
		return "", fmt.Errorf("the password of role %s: %s is empty; delete it, and the server draws another", r, passwordPath(storeDir, r))
	}
	return password, nil
}

// asRole makes a connection to the embedded server one of the role's, where the server asks for one.
func (m *Main) asRole(o *streams.ConnectOptions, storeDir string, r streams.Role) error {
	if !m.config.NATS.Authorize {
		return nil
	}
	password, err := readPassword(storeDir, r)
	if err != nil {
		return err
	}
	o.Role, o.User, o.Password = r, string(r), password
	return nil
}

// dialEmbedded joins the embedded server of another process, as nats.role or else as the operator.
func (m *Main) dialEmbedded(url, storeDir, client string) (*openedLog, error) {
	o := m.connectOptions(client)
	role := streams.RoleOperator
	if o.Role != "" {
		role = o.Role
	}
	if err := m.asRole(&o, storeDir, role); err != nil {
		return nil, err
	}
	return m.dialWith(url, url, o)
}
