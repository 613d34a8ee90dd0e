package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

func newWrapCommand(a *app) *cobra.Command {
	var src source
	var wrap wrapping
	cmd := &cobra.Command{
		Use:   "wrap --file FILE",
		Short: "Wrap secrets that are in the clear",
		Long: `Wrap all secrets that are in the clear, so that who reads the file, or a backup
of it, does not have the keys. Servers must be able to read both before: with
KeyringConfig.Wrapper and InsecurePlaintextKeys. Afterwards they need only the
former.`,
		Example: `  hardtack keys wrap --file keys.json --passphrase-file passphrase.txt`,
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wrapper, err := wrap.required()
			if err != nil {
				return err
			}
			return a.rewrite(cmd, &src, wrapper, func(s hardtack.KeySet) (hardtack.KeySet, error) { return s, nil })
		},
	}
	src.addWriteFlags(cmd)
	wrap.addFlags(cmd)
	return cmd
}

func newUnwrapCommand(a *app) *cobra.Command {
	var src source
	var wrap wrapping
	cmd := &cobra.Command{
		Use:   "unwrap --file FILE",
		Short: "Put wrapped secrets back in the clear",
		Long: `Put all wrapped secrets back in the clear, where they were wrapped; they are not
printed. Servers must be able to read both before, as for keys wrap.

For another passphrase or identity, unwrap with the old one and wrap with the
new one.`,
		Example: `  hardtack keys unwrap --file keys.json --age-identity identity.txt`,
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			wrapper, err := wrap.required()
			if err != nil {
				return err
			}
			return a.rewrite(cmd, &src, nil, func(s hardtack.KeySet) (hardtack.KeySet, error) { return s.Unwrap(cmd.Context(), wrapper) })
		},
	}
	src.addWriteFlags(cmd)
	wrap.addFlags(cmd)
	return cmd
}

// required is wrapper for commands that can do nothing without.
func (w *wrapping) required() (hardtack.KeyWrapper, error) {
	wrapper, err := w.wrapper()
	if err == nil && wrapper == nil {
		err = &usage{errors.New("--age-recipient, --age-identity or --passphrase-file is needed")}
	}
	return wrapper, err
}

// rewrite changes how secrets are stored, and says how they are now.
func (a *app) rewrite(cmd *cobra.Command, src *source, w hardtack.KeyWrapper, change func(hardtack.KeySet) (hardtack.KeySet, error)) error {
	if err := src.update(cmd.Context(), w, change); err != nil {
		return err
	}
	set, err := src.load(cmd.Context())
	if err != nil {
		return err
	}
	l := list(set, a.moment())
	return a.print(l, func(out io.Writer) {
		forms := make(map[string]int)
		for _, k := range l.Keys {
			forms[k.Secret]++
		}
		fmt.Fprintf(out, "Of the secrets in %s, %d are wrapped and %d in the clear.\n", src.name(), forms["wrapped"], forms["clear"])
	})
}
