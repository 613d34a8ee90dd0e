package signed

import (
	"fmt"

	"github.com/hardtack-go/hardtack"
)

// faults collects what is wrong with a configuration, each a *hardtack.ConfigError.
type faults []error

func (f *faults) add(of, field, value, reason string, args ...any) {
	*f = append(*f, &hardtack.ConfigError{Type: "signed." + of, Field: field, Value: value, Reason: fmt.Sprintf(reason, args...)})
}
