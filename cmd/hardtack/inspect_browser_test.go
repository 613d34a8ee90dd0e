package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRemarks(t *testing.T) {
	const good = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60"
	long := strings.Repeat("x", 1025)
	for header, want := range map[string][]string{
		"__Host-a=b" + good:                          nil,
		"a=b" + good:                                 nil,
		"__Host-a=b" + good + "; Domain=":            nil,
		"__Host-a=b" + good + "; Priority=High":      nil,
		"a=b" + good + "; Partitioned":               nil,
		"a=b" + good + "; SameSite=none":             nil,
		"__host-a=b" + good + "; Path=/x":            {"! names with the prefix __Host- need Path=/"},
		"__Host-a=b" + good + "; Domain=example.org": {"! names with the prefix __Host- must not have a Domain"},
		"__Host-a=b; HttpOnly; SameSite=Lax; Max-Age=60; Path=/": {
			"! names with the prefix __Host- need Secure"},
		"__Host-a=b; Secure; HttpOnly; SameSite=Lax; Max-Age=60": {"! names with the prefix __Host- need Path=/"},
		"__SECURE-a=b; HttpOnly; SameSite=Lax; Max-Age=60":       {"! names with the prefix __Secure- need Secure"},
		"__Http-a=b; Secure; SameSite=Lax; Max-Age=60": {
			"! names with the prefix __Http- need HttpOnly", "no HttpOnly: scripts can read the session"},
		"__Host-Http-a=b; SameSite=Lax; Max-Age=60": {
			"! names with the prefix __Host-Http- need Secure", "! names with the prefix __Host-Http- need Path=/",
			"! names with the prefix __Host-Http- need HttpOnly", "no HttpOnly: scripts can read the session"},
		"=__Host-a" + good: {"! a cookie without a name whose value begins with __Host-"},
		"a=b; HttpOnly; SameSite=None; Max-Age=60; Partitioned": {
			"! SameSite=None needs Secure", "! Partitioned needs Secure", "no Secure: the session goes over plain http too"},
		"a=b" + good + "; SameSite=Loose":               {"SameSite=Loose is none of None, Lax and Strict, and ignored"},
		"=" + good:                                      {"! neither a name nor a value"},
		"a=b\x01" + good:                                {"! the header has a control character"},
		"a=b" + good + "; X=\x7f":                       {"! the header has a control character", "X is ignored: no attribute of cookies is called that"},
		"a=" + strings.Repeat("b", 4095) + good:         nil,
		"a=" + strings.Repeat("b", 4096) + good:         {"! name and value are 4097 bytes long, 1 more than the 4096 that browsers keep"},
		"a=b" + good + "; Domain=" + long:               {"Domain is ignored: its value is longer than 1024 bytes"},
		"__Host-a=b" + good + "; Path=/" + long:         {"Path is ignored: its value is longer than 1024 bytes", "! names with the prefix __Host- need Path=/"},
		"a=b" + good + "; Max-Age=34560000":             nil,
		"a=b" + good + "; Max-Age=34560001":             {"Max-Age is capped at 400 days"},
		"a=b" + good + "; Max-Age=99999999999999999999": {"Max-Age is capped at 400 days"},
		"a=b" + good + "; Max-Age=0":                    {"Max-Age=0 makes browsers forget the cookie"},
		"a=b" + good + "; Max-Age=-99999999999999999999": {
			"Max-Age=-99999999999999999999 makes browsers forget the cookie"},
		"a=b" + good + "; Max-Age=1h": {"Max-Age is ignored: it is not a number of seconds", "no Max-Age: browsers keep the cookie until they are closed, or longer"},
		"a=b; Secure; HttpOnly":       {"no SameSite: browsers differ in what they take then", "no Max-Age: browsers keep the cookie until they are closed, or longer"},
		"a=b; Secure; HttpOnly; SameSite=Lax; Expires=Wed, 21 Oct 2015 07:28:00 GMT": {"Expires has passed: it makes browsers forget the cookie"},
		"a=b; Secure; HttpOnly; SameSite=Lax; Expires=Tue, 01 Oct 2030 07:28:00 GMT": nil,
		"a=b; Secure; HttpOnly; SameSite=Lax; Expires=Wed, 01 Oct 2031 07:28:00 GMT": {"Expires is capped at 400 days"},
		"a=b; Secure; HttpOnly; SameSite=Lax; Expires=soon":                          {"Expires is not a date as RFC 9110 has them"},
	} {
		p := parseSetCookie(header)
		var got []string
		for _, r := range p.remarks(noon) {
			assert.NotEmpty(t, r.Code)
			if r.Refused {
				r.Message = "! " + r.Message
			}
			got = append(got, r.Message)
		}
		assert.Equal(t, want, got, header)
	}
}

// A cookie that a server accepts but no browser keeps.
func TestInspectTooLarge(t *testing.T) {
	s := newShop(t)
	value := valueOf(bake(s, "", biscuits))
	name := strings.Repeat("n", 4000)
	r := inspectAt(t, noon, "Cookie: "+name+"="+value, "-")
	assert.Equal(t, exitFailure, r.status)
	assert.Contains(t, r.out, "browser     refuses it: name and value are")
}
