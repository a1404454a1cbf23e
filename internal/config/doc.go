// Package config is the only reader of the environment: one struct with every
// setting, its default and its limits. Temporal's own settings (TEMPORAL_*)
// are read by Temporal's envconfig, through Config.TemporalOptions.
//
// A setting that is empty counts as unset. All wrong settings are reported
// together, each with its name, its value and what is allowed; the values of
// secrets never are.
package config

//go:generate go run ./envexample -o ../../.env.example
