package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newListCommand(a *app) *cobra.Command {
	var src source
	var at atFlag
	var svg string
	var times bool
	cmd := &cobra.Command{
		Use:   "list --file FILE",
		Short: "Show the keys, and when they do what",
		Long: `Show the keys, the newest first, as a table and as a timeline. No secret is
shown, and wrapped ones need not be unwrapped.

The states: an announced key opens, and will seal; the sealing key seals and
opens; a retiring one only opens; one that is gone has retired; and what was
ever sealed with a revoked one is refused.

--at shows another moment: 2030-06-01T12:00:00Z, or from now on +7d or -36h.`,
		Example: `  hardtack keys list --file keys.json
  hardtack keys list --file keys.json --times
  hardtack keys list --file keys.json --at +7d
  hardtack keys list --file keys.json --svg keys.svg
  hardtack keys list --file keys.json --json`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := src.load(cmd.Context())
			if err != nil {
				return err
			}
			l := list(set, at.moment(a.now()))
			if svg != "" {
				if err := writeSVGFile(svg, newTimeline(l)); err != nil {
					return err
				}
			}
			return a.print(l, func(w io.Writer) { l.write(w, times) })
		},
	}
	src.addFlags(cmd)
	f := cmd.Flags()
	f.Var(&at, "at", "show the keys at this `TIME`")
	f.BoolVar(&times, "times", false, "show times instead of how far off they are")
	f.StringVar(&svg, "svg", "", "write the timeline into `FILE` as a picture too")
	_ = cmd.MarkFlagFilename("svg", "svg") // it is there
	return cmd
}

func (l listing) write(w io.Writer, times bool) {
	show := func(t time.Time) string { return relative(t, l.At) }
	if times {
		show = absolute
	}
	fmt.Fprintf(w, "At %s:\n\n", absolute(l.At))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KEY\tSTATE\tCREATED\tSEALS FROM\tSEALS UNTIL\tRETIRES\tSECRET")
	for _, k := range l.Keys {
		retires := show(k.Retire)
		if !k.Revoked.IsZero() {
			retires = "revoked " + show(k.Revoked)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.State, show(k.Created), show(k.Activate), show(k.SealsUntil), retires, k.Secret)
	}
	_ = tw.Flush() // what it writes to takes everything
	fmt.Fprintln(w)
	newTimeline(l).writeText(w)
}

func writeSVGFile(path string, t timeline) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := t.writeSVG(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
