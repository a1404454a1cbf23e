// Package api is the REST API of tasksync: the guide's seven endpoints, cancel
// and the probes, on Gin.
//
// openapi.yaml is the source: package apigen (types, strict server, embedded
// document) is generated from it, and requests are validated against it before
// a handler sees them. The package knows the words of package task and the two
// interfaces Records and Runs; what is behind them (PostgreSQL, Temporal) it
// does not know.
//
// A browser is taken for hostile even on loopback: a Host that is not allowed
// is refused, so is an unsafe request from a foreign origin, no GET changes
// anything, and CORS answers configured origins only.
package api

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-codegen.yaml openapi.yaml
