package hardtack

import (
	"cmp"
	"reflect"
	"slices"
)

// fieldSizes encodes each field of the struct, or each entry of the map, that
// v points to, and returns their sizes, largest first. public says that the
// names are the type's and not data.
func fieldSizes(ser Serializer, v any) (sizes []FieldSize, public bool) {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		if rv.IsNil() {
			return nil, false
		}
		rv = rv.Elem()
	}
	add := func(name string, field reflect.Value) {
		if data, err := ser.Marshal(field.Interface()); err == nil {
			sizes = append(sizes, FieldSize{name, len(data)})
		}
	}
	switch rv.Kind() {
	case reflect.Struct:
		public = true
		for _, f := range reflect.VisibleFields(rv.Type()) {
			if f.IsExported() && len(f.Index) == 1 {
				add(f.Name, rv.FieldByIndex(f.Index))
			}
		}
	case reflect.Map:
		if rv.Type().Key().Kind() == reflect.String {
			for it := rv.MapRange(); it.Next(); {
				add(it.Key().String(), it.Value())
			}
		}
	}
	slices.SortFunc(sizes, func(a, b FieldSize) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Field, b.Field))
	})
	return sizes, public
}
