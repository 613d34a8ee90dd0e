package format

import (
	"errors"
	"reflect"

	"github.com/hardtack-go/hardtack/bench/session"
)

// Shape is a session.Shape and the formats for its type. The type itself is left behind, so that one loop goes through all shapes.
type Shape struct {
	Name  string
	Sizes []Size
	// Session returns a pointer to the session grown to n.
	Session func(n int) any
	// Zero returns a pointer to a session without anything in it.
	Zero func() any
	// Values and Cookies return the contenders that the functions of the same names have.
	Values, Cookies func() []Contender
}

// Size is how large the sessions of a shape are grown.
type Size struct {
	Name string
	N    int
}

// Contender is a Format of one shape's type.
type Contender struct {
	Name, Title string
	Encrypts    bool
	Varies      bool
	// On returns what the format does with the session grown to n.
	On func(n int) Trial
}

// Trial is one session in one format.
type Trial struct {
	// Seal makes the value of the session anew.
	Seal func() (value string, err error)
	// Open opens the value into a new session, and lets go of it.
	Open func(value string) error
	// Check opens the value and compares what comes out with the session.
	Check func(value string) error
}

// ErrChanged is what Check returns of a session that comes back as another.
var ErrChanged = errors.New("the session did not come back as it was")

// Shapes returns the five shapes of sessions.
func Shapes() []Shape {
	return []Shape{
		ShapeOf(session.Logins()),
		ShapeOf(session.Accounts()),
		ShapeOf(session.Carts()),
		ShapeOf(session.OIDCs()),
		ShapeOf(session.Forms()),
	}
}

// Texts returns the shape of session.Text.
func Texts() Shape { return ShapeOf(session.Texts()) }

// ShapeOf leaves the type of a session.Shape behind.
func ShapeOf[T any](s session.Shape[T]) Shape {
	return Shape{
		Name:  s.Name,
		Sizes: []Size{{"small", s.Small}, {"medium", s.Medium}, {"large", s.Large}},
		Session: func(n int) any {
			v := s.Grow(n)
			return &v
		},
		Zero:    func() any { return new(T) },
		Values:  func() []Contender { return contenders(Values[T](), s) },
		Cookies: func() []Contender { return contenders(Cookies[T](), s) },
	}
}

func contenders[T any](formats []Format[T], s session.Shape[T]) (all []Contender) {
	for _, f := range formats {
		all = append(all, ContenderOf(f, s))
	}
	return all
}

// ContenderOf is a format for the sessions of a shape.
func ContenderOf[T any](f Format[T], s session.Shape[T]) Contender {
	return Contender{f.Name, f.Title, f.Encrypts, f.Varies, func(n int) Trial { return f.On(s.Grow(n)) }}
}

// On returns what the format does with v.
func (f Format[T]) On(v T) Trial {
	return Trial{
		Seal: func() (string, error) { return f.Seal(&v) },
		Open: func(value string) error { return f.Open(value, new(T)) },
		Check: func(value string) error {
			var got T
			if err := f.Open(value, &got); err != nil {
				return err
			}
			if !reflect.DeepEqual(v, got) {
				return ErrChanged
			}
			return nil
		},
	}
}
