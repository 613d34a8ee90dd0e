package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

// report is what keys check prints.
type report struct {
	At       time.Time `json:"at"`
	OK       bool      `json:"ok"`
	Findings []finding `json:"findings"`
}

func newCheckCommand(a *app) *cobra.Command {
	var src source
	var at atFlag
	var every, lifetime durationFlag
	most := 8
	cmd := &cobra.Command{
		Use:   "check --file FILE",
		Short: "Look for what is wrong with the keys",
		Long: `Look for what is wrong with the keys, or will be. Each finding has a code that
does not change, for programs; if there is one, the exit status is 1. A secret
is not looked at, and wrapped ones need not be unwrapped.

  error    missing, broken, file-mode, folder-mode, no-successor, retain-short,
           retires-early, mixed-secrets
  warning  rotation-overdue, retain-unknown, never-retires, too-many-keys,
           made-in-future, activates-far-off, implausible-time,
           seals-before-time, short-notice, prunable`,
		Example: `  hardtack keys check --file keys.json
  hardtack keys check --file keys.json --every 30d --lifetime 24h
  hardtack keys check --file keys.json --at +30d --json`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("lifetime") {
				if err := checkLifetime("--lifetime", time.Duration(lifetime)); err != nil {
					return err
				}
			}
			e := expectations{time.Duration(every), time.Duration(lifetime), most}
			r := report{At: at.moment(a.now())}
			var err error
			if r.Findings, err = src.check(cmd.Context(), e, r.At); err != nil {
				return err
			}
			r.OK = len(r.Findings) == 0
			if err := a.print(r, r.write); err != nil || r.OK {
				return err
			}
			return errFindings
		},
	}
	src.addFlags(cmd)
	f := cmd.Flags()
	f.Var(&at, "at", "check the keys as if it were this `TIME`")
	f.Var(&every, "every", "how often a new key should begin to seal; 0: not looked at")
	f.Var(&lifetime, "lifetime", "the longest Lifetime of the Jars; 0: what the file says")
	f.IntVar(&most, "max-keys", most, "how many keys may be in use")
	return cmd
}

func (r report) write(w io.Writer) {
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%-8s %-18s %s\n", f.Severity, f.Code, f.Message)
	}
	if r.OK {
		fmt.Fprintln(w, "Nothing is wrong.")
	}
}

// check looks at the file as well as at what is in it. An error says that it could not be looked at.
func (s *source) check(ctx context.Context, e expectations, now time.Time) ([]finding, error) {
	findings := []finding{}
	if s.file != "" && !s.insecureFileMode {
		findings = append(findings, checkMode(s.file)...)
	}
	lenient := *s
	lenient.insecureFileMode = true // a finding must not hide the others
	set, err := lenient.load(ctx)
	var failed *failure
	if errors.As(err, &failed) && (failed.code == "broken" || failed.code == "missing") {
		message := cleanMessage(failed)
		return append(findings, finding{Code: failed.code, Severity: severe, Message: message}), nil
	}
	if err != nil {
		return nil, err
	}
	findings = append(findings, e.check(set, now)...)
	sortFindings(findings)
	return findings, nil
}

// checkMode looks who else has rights to the file, or could put another in its place.
func checkMode(path string) (findings []finding) {
	if runtime.GOOS == "windows" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		findings = append(findings, finding{Code: "file-mode", Severity: severe, Message: fmt.Sprintf("The mode of %s is %04o: group or others have rights to it. chmod 600 takes them.", path, info.Mode().Perm())})
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return findings
	}
	folder := filepath.Dir(real)
	if info, err := os.Stat(folder); err == nil && info.Mode().Perm()&0o022 != 0 && info.Mode()&os.ModeSticky == 0 {
		findings = append(findings, finding{Code: "folder-mode", Severity: severe, Message: fmt.Sprintf("The mode of %s is %04o: group or others can put another file in place of %s.", folder, info.Mode().Perm(), filepath.Base(real))})
	}
	return findings
}
