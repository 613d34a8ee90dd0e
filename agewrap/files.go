package agewrap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"filippo.io/age"
)

var (
	// ErrPermissions: the group or others can read a file of identities.
	ErrPermissions = errors.New("agewrap: the file can be read by others than its owner; chmod 600 makes it private")
	// ErrFile: the file does not hold what it should.
	ErrFile = errors.New("agewrap: not a file of age keys")
)

const maxFile = 1 << 20 // bytes

// ParseIdentitiesFile reads the secret keys in a file as age-keygen writes it: one on each line; empty lines and those that
// begin with # are ignored. It is refused with ErrPermissions if its group or others can read it, except on
// Windows; for a mount that cannot be otherwise, age.ParseIdentities reads from anything. Files that are themselves encrypted, keys of SSH and
// plugins are refused with ErrFile. Other errors are those of opening and reading the file.
func ParseIdentitiesFile(path string) ([]age.Identity, error) {
	return parseFile(path, true, age.ParseIdentities)
}

// ParseRecipientsFile reads the public keys in a file as age -R does. Errors are as in ParseIdentitiesFile; everybody
// may read the file.
func ParseRecipientsFile(path string) ([]age.Recipient, error) {
	return parseFile(path, false, age.ParseRecipients)
}

// parseFile parses line by line, so that an error has the line's number and not what age quotes of it.
func parseFile[T any](path string, private bool, parse func(io.Reader) ([]T, error)) ([]T, error) {
	data, err := readFile(path, private)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(data, "age-encryption.org/") || strings.HasPrefix(data, "-----BEGIN") {
		return nil, fmt.Errorf("%w: %s is encrypted, or in the form of another program", ErrFile, path)
	}
	var keys []T
	number := 0
	for line := range strings.Lines(data) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := parse(strings.NewReader(line))
		if err != nil {
			return nil, fmt.Errorf("%w: %s, line %d", ErrFile, path, number)
		}
		keys = append(keys, key...)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: %s has none", ErrFile, path)
	}
	return keys, nil
}

func readFile(path string, private bool) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("agewrap: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("agewrap: %w", err)
	}
	if private && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: %s has mode %04o", ErrPermissions, path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", fmt.Errorf("agewrap: %w", err)
	}
	if len(data) > maxFile {
		return "", fmt.Errorf("%w: %s is larger than %d bytes", ErrFile, path, maxFile)
	}
	return string(data), nil
}
