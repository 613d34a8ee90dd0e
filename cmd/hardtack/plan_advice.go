package main

import (
	"fmt"
	"math"
	"strings"
)

// Rules of the advice, in the order in which they are tried; docs/plan.md says the same.
const (
	ruleRevoke   = "revoke"        // --revoke
	ruleRecord   = "record-limit"  // a sample is too large for a record
	ruleFits     = "fits"          // no sample is over the budget
	ruleProxy    = "proxy"         // more than half of the samples are, and none is over what browsers keep
	ruleMost     = "most-overflow" // more than half of the samples are
	ruleOverflow = "some-overflow"
)

const (
	later     = 12   // bytes that the cookie of a session may take more when it is saved or touched again, with a rotated key
	plain     = 3072 // bytes of a cookie that stock proxies pass
	most      = 0.5  // share of the samples over the budget above which a hybrid Jar saves little
	near      = 0.75 // of the budget, above which there is little room to grow
	fewSample = 20
)

// advise fills in the advice, from the rest of the report.
func (r *planReport) advise() {
	cbor, stateless, hybrid := &r.Formats[0], &r.Modes[0], &r.Modes[1]
	budget := countText(r.Assumptions.Budget)
	over := int(math.Round(hybrid.Stored * float64(r.Samples.Count)))
	exceed := fmt.Sprintf("%s of %s exceed the budget of %s bytes", countText(over), plural(r.Samples.Count, "sample", "samples"), budget)
	if over == 1 {
		exceed = strings.Replace(exceed, "exceed", "exceeds", 1)
	}
	a := &r.Advice
	switch {
	case r.Assumptions.Revoke:
		a.Mode, a.Rule = modeServerSide, ruleRevoke
		a.Sentence = "Keep all sessions on the server, with a library made for that, because every logout has to end every copy of the cookie, and a session that is in its cookie cannot be called back."
	case hybrid.Saved < 1:
		a.Mode, a.Rule = modeServerSide, ruleRecord
		a.Sentence = "Keep all sessions on the server, with a library made for that, because some samples exceed the 1 MiB that a record may have."
	case over == 0:
		a.Mode, a.Rule = modeStateless, ruleFits
		a.Sentence = fmt.Sprintf("Take stateless sessions, because the largest sample makes a cookie of %s bytes, within the budget of %s, and so no store is needed.", countText(cbor.Cookie.Max), budget)
	case hybrid.Stored > most && stateless.Saved == 1 && cbor.Cookie.Max <= plain:
		a.Mode, a.Rule = modeStateless, ruleProxy
		a.Sentence = fmt.Sprintf("Take stateless sessions, because %s, but none the %s that proxies pass as they are installed.", exceed, countText(plain))
	case hybrid.Stored > most && stateless.Saved == 1 && r.Assumptions.Max-cbor.Cookie.Max >= later:
		a.Mode, a.Rule = modeStateless, ruleProxy
		a.Sentence = fmt.Sprintf("Take stateless sessions and give the proxy a buffer of 8 KiB for the head of a response (nginx: proxy_buffer_size 8k), because %s, "+
			"but none the %s that browsers keep; where the proxy cannot be changed, keep all sessions on the server, with a library made for that.", exceed, countText(r.Assumptions.Max))
	case hybrid.Stored > most:
		a.Mode, a.Rule = modeServerSide, ruleMost
		requests := "most requests"
		if over == r.Samples.Count {
			requests = "every request"
		}
		a.Sentence = "Keep all sessions on the server, with a library made for that, because " + exceed + ", so that " + requests + " would ask a store anyway."
	default:
		a.Mode, a.Rule = modeHybrid, ruleOverflow
		a.Sentence = "Take hybrid sessions, because " + exceed + " and a store is needed for them, and for the others only at a logout."
	}
	if r.Samples.Count < fewSample && a.Rule != ruleRevoke { // which no sample could change
		if r.Samples.Count == 1 {
			a.Sentence = "If this sample is typical, " + strings.ToLower(a.Sentence[:1]) + a.Sentence[1:]
		} else {
			a.Sentence = "If these samples are typical, " + strings.ToLower(a.Sentence[:1]) + a.Sentence[1:]
		}
	}
	a.Warnings = r.warnings(a.Mode == modeStateless, stateless.Saved == 1 && a.Rule != ruleProxy)
}

// warnings are what to know besides. stateless: that is the advice; offerProxy: none of the samples exceeds what browsers keep, and the advice does not say so.
func (r *planReport) warnings(stateless, offerProxy bool) (w []string) {
	add := func(format string, args ...any) { w = append(w, fmt.Sprintf(format, args...)) }
	cbor, assumed := &r.Formats[0], &r.Assumptions
	budget := assumed.Budget
	if begun := assumed.beginning(); begun > assumed.saves() {
		add("There are more sessions than requests can begin: %s users with a session of %s begin %s per second, and %s requests per second save: the figures are for no more than these.",
			countText(assumed.Users), assumed.Lifetime.String(), numberText(begun), numberText(assumed.saves()))
	}
	if r.Samples.Count < fewSample {
		add("%s: give the largest sessions that you know of, or many; the shares are those of the samples.", plural(r.Samples.Count, "sample is little to go by", "samples are little to go by"))
	}
	if cbor.OverBudget == 0 && float64(cbor.Cookie.Max) > near*float64(budget) {
		add("The largest sample leaves %s bytes below the budget: if sessions grow, take a hybrid jar, which reads the same cookies.", countText(cbor.HeadRoomBudget))
	}
	if room := assumed.Max - cbor.Cookie.Max; cbor.OverBudget > 0 && stateless && float64(cbor.Cookie.Max) > near*float64(assumed.Max) {
		add("The largest sample leaves %s bytes of what browsers keep: a stateless session that grows beyond is not saved.", countText(room))
	}
	if cbor.OverBudget > 0 && offerProxy && cbor.Cookie.Max <= plain {
		add("All samples fit the %s bytes that proxies pass as they are installed: with a budget of that, stateless sessions do.", countText(plain))
	} else if cbor.OverBudget > 0 && offerProxy && assumed.Max-cbor.Cookie.Max >= later {
		add("All samples fit the %s bytes that browsers keep: if no proxy limits a response's head below 8 KiB (nginx: proxy_buffer_size 8k), stateless sessions do too.", countText(r.Assumptions.Max))
	}
	if c := r.format("sealed-cbor-compressed"); cbor.OverBudget > 0 && c.OverBudget == 0 {
		add("With compression all samples would be within the budget, the largest with %s bytes; but then the length of the cookie tells what is in it to whoever can put text into the session and watch the traffic, so read Config.InsecureCompression first.", countText(c.Cookie.Max))
	}
	if cbor.OverBudget > 0 {
		if f := heaviest(r.Fields); f != nil {
			add("%s takes %s of all bytes: see whether it belongs into the session, or into a database with its key in the session.", code(f.Name), shareText(f.Share))
		}
	}
	return w
}

// heaviest returns the innermost field that has half of all bytes or more, nil if none has.
func heaviest(fields []planField) (f *planField) {
	for len(fields) > 0 && fields[0].Share >= dominant && rank(fields[0]) == 0 {
		f, fields = &fields[0], fields[0].Children
	}
	return f
}

func (r *planReport) format(name string) *planFormat {
	for i := range r.Formats {
		if r.Formats[i].Name == name {
			return &r.Formats[i]
		}
	}
	return &planFormat{OverBudget: r.Samples.Count}
}
