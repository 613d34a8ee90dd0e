package main

import (
	"fmt"
	"os"
	"path/filepath"
)

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
