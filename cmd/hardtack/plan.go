package main

import (
	"context"
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

const (
	mostRequests = 1e9
	mostUsers    = 1_000_000_000
	mostSubject  = 255
	mostPad      = 1024
	leastBudget  = 256
)

// planFlags are the flags of plan.
type planFlags struct {
	planAssumptions
	writes, logouts percentFlag
	measure, html   string
}

func newPlanCommand(a *app) *cobra.Command {
	flags := planFlags{
		planAssumptions: planAssumptions{Lifetime: durationFlag(day), CookieName: hardtack.DefaultName, Max: maxCookie},
		writes:          10, logouts: 50,
	}
	cmd := &cobra.Command{
		Use:   "plan [--rps 500] [--users 100000] [FILE...|-]",
		Short: "Say what cookies, hybrid sessions or a store would mean for your data",
		Long: `Say what each way to keep sessions would mean for exactly your data: how large
the cookies would be, which fields weigh most, how many sessions would not fit,
what goes over the wire, what a store would have to do and to hold, what a
logout reaches; and advise, with a reason. docs/plan.md explains the report.

The files hold sample sessions in JSON: an object, several one after the other
or one in each line, or an array of objects. Without a file, or for -, they are
read from standard input. At most 10,000 samples and 64 MiB are read, and
4 MiB of each. The report has names of fields, and no value of a sample.

The cookies are really made, with keys that are thrown away. Times are measured
only with --measure: of memory, sqlite, sqlite:FILE (beside it, on its disk),
redis://HOST:PORT or postgres://USER@HOST/DB; env:NAME takes it from a variable.
Nothing that is there is touched, and nothing stays.`,
		Example: `  hardtack plan session.json
  hardtack plan --lifetime 30d --rps 2000 --users 1000000 samples/cart.json samples/login.json
  hardtack plan --html plan.html samples.jsonl
  hardtack plan --revoke --json - < samples.jsonl
  hardtack plan --measure sqlite session.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := flags.complete(); err != nil {
				return err
			}
			r, err := flags.plan(cmd.Context(), a, files)
			if err != nil {
				return err
			}
			if flags.html != "" {
				if err := writePlanFile(flags.html, r); err != nil {
					return err
				}
			}
			return a.print(r, r.write)
		},
	}
	f := cmd.Flags()
	f.Var(&flags.Lifetime, "lifetime", "how long a session lives")
	f.Float64Var(&flags.RequestsPerSecond, "rps", 500, "requests per second, of all users")
	f.IntVar(&flags.Users, "users", 100_000, "users who have a session at the same time")
	f.IntVar(&flags.Budget, "budget", 3072, "Budget.Inline, in `BYTES`: above it a hybrid jar stores the session")
	f.Var(&flags.writes, "writes", "share of the requests that save the session")
	f.Var(&flags.logouts, "logouts", "share of the sessions that end by a logout")
	f.BoolVar(&flags.Revoke, "revoke", false, "each logout must end every copy of the cookie")
	f.IntVar(&flags.SubjectBytes, "subject", 36, "`BYTES` of the subject, such as the user's ID; 0: none")
	f.IntVar(&flags.PadTo, "pad", 256, "`BYTES` to a multiple of which the padded cookies are padded")
	f.StringVar(&flags.measure, "measure", "", "measure the store at this `TARGET`")
	f.StringVar(&flags.html, "html", "", "write the report into `FILE` as a page with charts too")
	_ = cmd.MarkFlagFilename("html", "html") // it is there
	return cmd
}

// complete returns all faults of the flags, or fills in what follows from them.
func (f *planFlags) complete() error {
	var faults []error
	within := func(name string, value, least, most float64) {
		if math.IsNaN(value) || value < least || value > most {
			faults = append(faults, usagef("--%s %v: must be from %s to %s", name, value, numberText(least), numberText(most)))
		}
	}
	if err := checkLifetime("--lifetime", time.Duration(f.Lifetime)); err != nil {
		faults = append(faults, err)
	}
	within("rps", f.RequestsPerSecond, 0, mostRequests)
	within("users", float64(f.Users), 0, mostUsers)
	within("budget", float64(f.Budget), leastBudget, float64(f.Max))
	within("subject", float64(f.SubjectBytes), 0, mostSubject)
	within("pad", float64(f.PadTo), 1, mostPad)
	if len(faults) > 0 {
		return &usage{errors.Join(faults...)}
	}
	f.Writes, f.Logouts = float64(f.writes)/100, float64(f.logouts)/100
	f.SessionsPerSecond = min(float64(f.Users)/time.Duration(f.Lifetime).Seconds(), f.saves())
	return nil
}

// plan makes the report.
func (f *planFlags) plan(ctx context.Context, a *app, files []string) (*planReport, error) {
	now := a.now()
	s, err := newScales(f.planAssumptions, func() time.Time { return now })
	if err != nil {
		return nil, err
	}
	read := make(chan error, 1)
	go func() { read <- readSamples(a.in, files, s.weigh) }() // which may wait for a terminal
	select {
	case err = <-read:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	r := &planReport{
		Assumptions: f.planAssumptions,
		Samples:     planSamples{Count: len(s.cbor), JSON: spread(s.json), CBOR: spread(s.cbor)},
		Fields:      s.fields.report(),
		Modes:       s.modes(),
	}
	for _, f := range s.formats {
		r.Formats = append(r.Formats, f.report(r.Assumptions))
	}
	r.advise()
	if f.measure == "" {
		return r, nil
	}
	record := mean(s.records)
	if len(s.records) == 0 {
		record = mean(s.cbor)
	}
	l, err := measureStores(ctx, f.measure, int(math.Round(record)))
	r.Latency = &l
	return r, err
}

func writePlanFile(path string, r *planReport) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := writePlanHTML(f, r); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// percentFlag is a flag's value, from 0 to 100.
type percentFlag float64

func (p *percentFlag) String() string { return strconv.FormatFloat(float64(*p), 'f', -1, 64) + "%" }
func (*percentFlag) Type() string     { return "percent" }

func (p *percentFlag) Set(text string) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(n >= 0 && n <= 100) {
		return errPercent
	}
	*p = percentFlag(n)
	return nil
}

var errPercent = errors.New("not a percentage from 0% to 100%")
