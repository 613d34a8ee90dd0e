package main

import (
	"context"
	"errors"
	"math"
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
	names           bool
}

func newPlanCommand(a *app) *cobra.Command {
	flags := planFlags{
		planAssumptions: planAssumptions{
			Lifetime: durationFlag(day), RequestsPerSecond: 500, Users: 100_000, Budget: 3072, SubjectBytes: 36, PadTo: 256,
			CookieName: hardtack.DefaultName, Max: maxCookie,
		},
		writes: 10, logouts: 50,
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
4 MiB of each. Names of fields are shown, which include keys of maps, unless
--names=false puts numbers in their place; values never.

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
			if flags.html != "" {
				if err := mayOverwrite(flags.html, files); err != nil {
					return err
				}
			}
			r, err := flags.plan(cmd.Context(), a, files)
			if r == nil {
				return err
			}
			if flags.html != "" {
				err = errors.Join(err, plainPath(writePlanFile(flags.html, r)))
			}
			return errors.Join(err, a.print(r, r.write))
		},
	}
	f := cmd.Flags()
	f.Var(&flags.Lifetime, "lifetime", "how long a session lives")
	f.Var((*numberFlag)(&flags.RequestsPerSecond), "rps", "requests per second, of all users")
	f.Var((*countFlag)(&flags.Users), "users", "users who have a session at the same time")
	f.Var((*countFlag)(&flags.Budget), "budget", "Budget.Inline, in `BYTES`: above it a hybrid jar stores the session")
	f.Var(&flags.writes, "writes", "share of the requests that save the session")
	f.Var(&flags.logouts, "logouts", "share of the sessions that end by a logout")
	f.BoolVar(&flags.Revoke, "revoke", false, "each logout must end every copy of the cookie")
	f.Var((*countFlag)(&flags.SubjectBytes), "subject", "`BYTES` of the subject, such as the user's ID; 0: none")
	f.Var((*countFlag)(&flags.PadTo), "pad", "`BYTES` to a multiple of which the padded cookies are padded")
	f.BoolVar(&flags.names, "names", true, "show the names of fields, which include keys of maps; false: numbers")
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
	f.SessionsPerSecond = min(f.beginning(), f.saves())
	return nil
}

// plan makes the report. If measuring fails there is the report without it, and an error.
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
		Fields:      s.fields.report(f.names),
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
	var mistake *usage
	switch {
	case errors.As(err, &mistake):
		return nil, err
	case err == nil:
		r.Latency = &l
	}
	return r, err
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

// countFlag is a flag's value. Its errors are plain, other than those of pflag's own type.
type countFlag int

func (c *countFlag) String() string { return strconv.Itoa(int(*c)) }
func (*countFlag) Type() string     { return "int" }

func (c *countFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return errCount
	}
	*c = countFlag(n)
	return nil
}

// numberFlag is like countFlag.
type numberFlag float64

func (f *numberFlag) String() string { return strconv.FormatFloat(float64(*f), 'f', -1, 64) }
func (*numberFlag) Type() string     { return "float" }

func (f *numberFlag) Set(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return errNumberFlag
	}
	*f = numberFlag(n)
	return nil
}

var (
	errPercent    = errors.New("not a percentage from 0% to 100%")
	errCount      = errors.New("not a whole number, such as 100000")
	errNumberFlag = errors.New("not a number")
)
