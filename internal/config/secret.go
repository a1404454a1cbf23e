package config

import (
	"log/slog"
	"reflect"
)

// Secret is a setting that must not be printed: every way of formatting it
// shows a mask. Reveal answers the value.
type Secret string

const mask = "******"

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String is a mask, or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString is the mask too.
func (s Secret) GoString() string { return s.String() }

// LogValue is the mask too.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is the mask too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue shows the settings by the names of their variables, with the
// secrets masked.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	v := reflect.ValueOf(c)
	for _, s := range settings() {
		attrs = append(attrs, slog.String(s.Name, format(v.FieldByIndex(s.index).Interface())))
	}
	return slog.GroupValue(attrs...)
}

// String shows what LogValue shows.
func (c Config) String() string { return c.LogValue().String() }

// GoString shows what LogValue shows.
func (c Config) GoString() string { return c.String() }
