// Package guanke is the client of the source: Guanke (冠客), a platform for
// outbound calls by robots, or any other that a mapping describes (package
// mapping). It reads the task list and gives back the words of package task;
// how answers are written stays in here.
//
// # Windows and pages
//
// A task.Window is half-open. What the source is asked for goes in the steps of
// its parameters, never less than the window, and is cut into spans where the
// source has a longest one, by the calendar of the source's zone. A valid entry
// whose creation time lies outside the window is dropped without a word: it
// belongs to another window's run. It stays in the page's Total, so that a
// source which answers what it was not asked for shows up as drift; where more
// than the window had to be asked for, pages have no Total.
//
// # Left-over fields
//
// What no expression of the mapping uses and its list ignore does not name
// becomes the task's Attributes, at most MaxAttributes bytes.
//
// # Errors
//
// Everything that fails is a *task.Error with one of the codes
// source_unavailable (passing: network, time-out, 5xx, 429, a cut-off answer, a
// token that expired twice), source_auth (our credentials or our rights were
// refused) and source_contract (an answer that the contract does not allow), or
// the context's own error. An invalid configuration, and a cursor of another
// mapping, is invalid_argument. The client does not retry and does not log. No
// error holds the query of a URL, the secret, the password or a token, since
// the text of every foreign error is masked before it goes in.
//
// # Checking a source
//
// ProbeToken and ProbePage go the same way as Pages, one step at a time, and
// show each request as it was sent, the answer to it, and what was read from
// it.
package guanke
