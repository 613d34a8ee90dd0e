package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// visit calls f for every command.
func visit(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, c := range cmd.Commands() {
		visit(c, f)
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	commands := 0
	visit(newRootCommand(new(app)), func(cmd *cobra.Command) {
		commands++
		path := cmd.CommandPath()
		assert.NotEmpty(t, cmd.Short, path)
		assert.NotEmpty(t, cmd.Example, path)
		r := run(t, append(strings.Fields(path)[1:], "--help")...)
		assert.Zero(t, r.status, path)
		assert.Contains(t, r.out, "Examples:\n  ", path)
		assert.Contains(t, r.out, "hardtack ", path)
		if strings.HasPrefix(path, "hardtack keys") {
			for line := range strings.Lines(cmd.Long) {
				assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), textWidth, "%s: %s", path, line)
			}
		}
	})
	assert.Greater(t, commands, 12)
}

// Every example is a command line that makes sense.
func TestExamplesParse(t *testing.T) {
	examples := 0
	visit(newRootCommand(new(app)), func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			args := words(t, line)
			if args == nil {
				assert.Empty(t, strings.TrimSpace(line))
				continue
			}
			examples++
			root := newRootCommand(new(app)) // flags keep what they were set to
			about, rest, err := root.Find(args)
			require.NoError(t, err, line)
			if err := about.ParseFlags(rest); errors.Is(err, pflag.ErrHelp) {
				continue
			}
			require.NoError(t, err, line)
			assert.NoError(t, about.ValidateArgs(about.Flags().Args()), line)
			assert.NoError(t, about.ValidateRequiredFlags(), line)
			assert.NoError(t, about.ValidateFlagGroups(), line)
			assert.True(t, about.CommandPath() == cmd.CommandPath() || cmd.HasSubCommands() || cmd.Name() == "help", "%q is an example of %s", line, cmd.CommandPath())
		}
	})
	assert.Greater(t, examples, 25)
}

// words returns the arguments of hardtack in a line of shell, nil if there is none.
func words(t *testing.T, line string) (args []string) {
	t.Helper()
	_, line, found := strings.Cut(" "+strings.TrimSpace(line), " hardtack ")
	if !found {
		return nil
	}
	var word strings.Builder
	var quote rune
	for _, c := range line + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && strings.ContainsRune("|<>", c):
			return args
		case quote == 0 && c == ' ':
			if word.Len() > 0 {
				args = append(args, word.String())
				word.Reset()
			}
		default:
			word.WriteRune(c)
		}
	}
	require.Zero(t, quote, line)
	return args
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		t.Run(shell, func(t *testing.T) {
			r := execute(t, "completion", shell)
			require.Zero(t, r.status, r.err)
			require.Contains(t, r.out, "hardtack")
			if shell == "powershell" {
				return // rarely installed where these tests run
			}
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skipf("%s is not installed: the script was not parsed", shell)
			}
			script := t.TempDir() + "/script"
			require.NoError(t, os.WriteFile(script, []byte(r.out), 0o600))
			out, err := exec.Command(path, "-n", script).CombinedOutput()
			assert.NoError(t, err, string(out))
			assert.Empty(t, string(out))
		})
	}
}

// complete asks what the shell would.
func complete(t *testing.T, args ...string) []string {
	t.Helper()
	r := run(t, append([]string{"__completeNoDesc"}, args...)...)
	require.Zero(t, r.status, r.err)
	return strings.Fields(r.out)
}

func TestCompletion(t *testing.T) {
	assert.Subset(t, complete(t, "keys", ""), []string{"init", "list", "rotate", "promote", "revoke", "prune", "check", "simulate"})
	assert.Subset(t, complete(t, "keys", "rotate", "--file", "keys.json", "--"), []string{"--propagation", "--now", "--json"})
	file, sealing, announced := rotated(t)
	assert.Equal(t, []string{announced.String(), ":4"}, complete(t, "keys", "promote", "--file", file, ""))
	assert.Equal(t, []string{announced.String(), sealing.String(), ":4"}, complete(t, "keys", "revoke", "--file", file, ""))
	assert.Equal(t, []string{":4"}, complete(t, "keys", "revoke", "--file", file, sealing.String(), ""))
	assert.Equal(t, []string{"--file", "--source", ":4"}, complete(t, "keys", "revoke", ""))
	assert.Equal(t, []string{":4"}, complete(t, "keys", "revoke", "--file", file+".none", ""))
}
