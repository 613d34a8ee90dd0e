package main

import (
	"errors"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "hardtack",
		Short: "Handle the keys of session cookies, look into cookies, and plan sessions",
		Long: `Handle the keys of hardtack's session cookies, look into cookies, and say what
cookies, hybrid sessions or a store would mean for your data.

Exit status: 0, or 1 for a finding or for what could not be done, or 2 for a
command line that makes no sense. No command prints a secret.`,
		Example: `  hardtack keys init --file keys.json
  hardtack keys list --file keys.json
  hardtack keys rotate --help
  hardtack plan session.json`,
		Version:       version(),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.in)
	root.SetOut(a.out) // before cobra makes the command completion, which keeps it
	root.SetErr(a.err)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON, errors too")
	root.AddCommand(newKeysCommand(a), newInspectCommand(a), newPlanCommand(a))
	finish(root)
	classify(root)
	return root
}

// finish gives the commands that cobra makes what all others have.
func finish(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Run, cmd.RunE = nil, helpAbout // cobra's own takes any topic
		}
	}
	examples := map[string]string{
		"help":       "hardtack help keys rotate",
		"completion": "hardtack completion bash",
		"bash":       "hardtack completion bash > /etc/bash_completion.d/hardtack",
		"zsh":        "hardtack completion zsh > \"${fpath[1]}/_hardtack\"",
		"fish":       "hardtack completion fish > ~/.config/fish/completions/hardtack.fish",
		"powershell": "hardtack completion powershell | Out-String | Invoke-Expression",
	}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if example, ok := examples[cmd.Name()]; ok && cmd.Example == "" {
			cmd.Example = "  " + example
		}
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(root)
}

func helpAbout(cmd *cobra.Command, args []string) error {
	about, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return usagef("there is no command %q", strings.Join(args, " "))
	}
	about.InitDefaultHelpFlag()
	about.InitDefaultVersionFlag()
	return about.Help()
}

// classify makes failures of the errors of commands, so that all other errors, cobra's, are mistakes of usage.
func classify(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			err := run(cmd, args)
			var failed *failure
			var mistake *usage
			if err == nil || errors.As(err, &failed) || errors.As(err, &mistake) {
				return err
			}
			return &failure{"failed", err}
		}
	}
	for _, c := range cmd.Commands() {
		classify(c)
	}
}

// version is that of the module, or of the commit if it was built from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "(devel)"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v += " " + s.Value
			}
		}
	}
	return v + " " + info.GoVersion
}
