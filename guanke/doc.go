// Package guanke is the client of the source, Guanke (冠客), a platform for
// outbound calls by robots. It reads the task list of the open API that
// spec/domain.md describes and gives back the words of package task; the wire
// format stays in wire.go.
//
// # Windows and pages
//
// A task.Window is half-open, the source's startTime and endTime are whole
// seconds of Chinese time and both inclusive. A window therefore asks for the
// first whole second that is not before From up to the last whole second
// before To. A window of more than 7 days, which the source refuses, is cut
// into spans by the calendar of the source's zone. An entry whose creation time
// lies outside the window although the source was asked correctly is dropped
// without a word: it belongs to another window's run. It stays in the page's
// Total, so that a source which does this shows up as drift.
//
// # Errors
//
// Everything that fails is a *task.Error with one of the codes
// source_unavailable (passing: network, time-out, 5xx, 429, a cut-off answer, a
// token that expired twice), source_auth (our credentials or our rights were
// refused) and source_contract (an answer that the contract does not allow), or
// the context's own error. An invalid configuration is invalid_argument. The
// client does not retry and does not log. No error holds the query of a URL,
// the secret, the password or a token, since the text of every foreign error is
// masked before it goes in.
package guanke
