package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hardtack-go/hardtack"
)

// keyFile is the file's JSON.
type keyFile struct {
	Version int         `json:"version"`
	Keys    []storedKey `json:"keys"`
}

type storedKey struct {
	ID       hardtack.KeyID `json:"id"`
	Secret   []byte         `json:"secret"` // base64
	Activate time.Time      `json:"activate,omitzero"`
	Retire   time.Time      `json:"retire,omitzero"`
}

// keysPath returns path, or the default one if it is empty, in a folder that
// it makes, for its owner alone, if there is none.
func keysPath(path string) (string, error) {
	if path != "" {
		return path, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the keys, name one with -keys: %w", err)
	}
	dir = filepath.Join(dir, "hardtack-shop")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keys: %w", err)
	}
	return filepath.Join(dir, "keys.json"), nil
}

// openKeys returns the ring in the file at path, which it makes, readable by
// its owner alone, if there is none.
func openKeys(path string) (*hardtack.Keyring, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKeys(path); err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	ring, err := readKeys(data)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", path, err)
	}
	return ring, nil
}

func readKeys(data []byte) (*hardtack.Keyring, error) {
	var file keyFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("not a key file: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("not a key file: something follows it")
	}
	if file.Version != 1 {
		return nil, fmt.Errorf("version %d is not 1", file.Version)
	}
	var keys []hardtack.Key
	for _, k := range file.Keys {
		key, err := hardtack.NewKeyWithID(k.ID, k.Secret, k.Activate, k.Retire)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return hardtack.NewKeyring(keys...)
}

// createKeys writes a file with one new key, all of it or nothing. If another
// process is faster, its file stays.
func createKeys(path string) error {
	key := hardtack.GenerateKey(time.Time{}, time.Time{})
	data, err := json.MarshalIndent(keyFile{1, []storedKey{{ID: key.ID(), Secret: key.ExposeSecret()}}}, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(append(data, '\n'))
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
