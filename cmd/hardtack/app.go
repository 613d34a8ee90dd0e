package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1 // a finding, or something that could not be done
	exitUsage   = 2
)

// app is what the commands share: the world around them, and the flags that all of them have.
type app struct {
	in       io.Reader
	out, err io.Writer
	now      func() time.Time

	json bool
}

// run executes one command line and returns its exit status.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	// A mistake is to be reported as JSON too if it is found before the flag is.
	end := slices.Index(args, "--")
	a.json = slices.Contains(args[:cmp.Or(end+1, len(args))], "--json")
	cmd, err := root.ExecuteContextC(ctx)
	var failed *failure
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &failed):
		if failed.err != nil {
			a.report(failed)
		}
		return exitFailure
	}
	a.report(err)
	if !a.json {
		fmt.Fprintf(a.err, "Run '%s --help' for how it is used.\n", cmd.CommandPath())
	}
	return exitUsage
}

// failure is an error of a command that was called properly. What is not one is the caller's mistake.
type failure struct {
	code string // stable, for programs; "failed" if nothing better fits
	err  error  // nil if the output says it all
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail returns a failure with a stable code.
func fail(code, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}

// errFindings ends a command whose output has said what is wrong.
var errFindings error = &failure{code: "findings"}

// usage is a fault in how a command was called that only the command itself could find.
type usage struct{ err error }

func (u *usage) Error() string { return u.err.Error() }
func (u *usage) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return &usage{fmt.Errorf(format, args...)} }

// report writes an error to the error output.
func (a *app) report(err error) {
	message := cleanMessage(err)
	if !a.json {
		fmt.Fprintf(a.err, "hardtack: %s\n", message)
		return
	}
	code := "usage"
	var failed *failure
	if errors.As(err, &failed) {
		code = failed.code
	}
	_ = writeJSON(a.err, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

// cleanMessage is what err says without the library's name, which need not stand there several times.
func cleanMessage(err error) string { return strings.ReplaceAll(err.Error(), "hardtack: ", "") }

// print writes v as JSON if that is asked for, and otherwise what text writes.
func (a *app) print(v any, text func(w io.Writer)) error {
	var b strings.Builder
	if a.json {
		if err := writeJSON(&b, v); err != nil {
			return err
		}
	} else {
		text(&b)
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
