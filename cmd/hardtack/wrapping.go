package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/agewrap"
)

// wrapping is with what secrets are wrapped and unwrapped, as flags say.
type wrapping struct {
	identities []string // files
	recipients []string
	passphrase string // a file
}

// passphraseHelp says what a file with a passphrase must be like.
const passphraseHelp = `:
its first line, without the newline; its mode must be 0600:
umask 077; openssl rand -base64 24 > passphrase.txt`

func (w *wrapping) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&w.recipients, "age-recipient", nil, "wrap secrets for this age `RECIPIENT`; may be given more than once")
	f.StringArrayVar(&w.identities, "age-identity", nil, "unwrap secrets with the age identities in `FILE`, and wrap for them if there is no --age-recipient")
	f.StringVar(&w.passphrase, "passphrase-file", "", "wrap and unwrap secrets with the passphrase in `FILE`"+passphraseHelp)
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "age-recipient")
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "age-identity")
	_ = cmd.MarkFlagFilename("age-identity") // they are there
	_ = cmd.MarkFlagFilename("passphrase-file")
}

// wrapper returns what the flags ask for, nil if they ask for nothing.
func (w *wrapping) wrapper() (hardtack.KeyWrapper, error) {
	switch {
	case w.passphrase != "":
		passphrase, err := readPassphrase(w.passphrase)
		if err != nil {
			return nil, err
		}
		return agewrap.NewPassphrase(passphrase)
	case len(w.identities)+len(w.recipients) > 0:
		return w.age()
	}
	return nil, nil
}

func (w *wrapping) age() (hardtack.KeyWrapper, error) {
	var recipients []age.Recipient
	var identities []age.Identity
	for _, text := range w.recipients {
		// One at a time: age's own errors quote what they do not understand, which may be an identity.
		r, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(r) != 1 {
			return nil, usagef("--age-recipient: not a public key such as age1…")
		}
		recipients = append(recipients, r...)
	}
	for _, file := range w.identities {
		ids, err := agewrap.ParseIdentitiesFile(file)
		if err != nil {
			return nil, err
		}
		identities = append(identities, ids...)
	}
	if len(recipients) == 0 {
		for _, id := range identities {
			switch id := id.(type) {
			case *age.X25519Identity:
				recipients = append(recipients, id.Recipient())
			case *age.HybridIdentity:
				recipients = append(recipients, id.Recipient())
			}
		}
	}
	return agewrap.New(recipients, identities)
}

// readPassphrase returns the first line of a file that nobody else can read.
func readPassphrase(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fail("file-mode", "%s has mode %04o: group or others have rights to it; chmod 600 takes them", path, info.Mode().Perm())
	}
	const most = 4096
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return "", err
	}
	line, rest, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case len(data) > most:
		return "", fmt.Errorf("%s: a passphrase of more than %d bytes", path, most)
	case line == "":
		return "", fmt.Errorf("%s: its first line, the passphrase, is empty", path)
	case strings.TrimSpace(rest) != "":
		return "", fmt.Errorf("%s: something follows its first line, the passphrase", path)
	}
	return line, nil
}

// suits refuses a change that would leave some secrets wrapped and others not: servers take one or the other.
func suits(w hardtack.KeyWrapper, before, after hardtack.KeySet) error {
	var wrapped, clear, added bool
	for _, k := range before.Keys {
		wrapped = wrapped || k.Wrapped()
		clear = clear || secretForm(k) == "clear"
	}
	for _, k := range after.Keys {
		if _, had := before.Find(k.ID()); !had && secretForm(k) == "clear" {
			added = true
		}
	}
	switch {
	case w == nil && wrapped && added:
		return &failure{"wrapped", errors.New("the secrets here are wrapped: say by --age-recipient, --age-identity or --passphrase-file how to wrap the new one")}
	case w != nil && clear:
		return &failure{"not-wrapped", errors.New("the secrets here are in the clear, and servers that read them so would refuse wrapped ones")}
	}
	return nil
}
