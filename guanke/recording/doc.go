// Package recording keeps what a source answered, so that a problem can be
// looked at elsewhere, and answers it again.
//
// A recording is a folder with one file per request, NNNN-METHOD-path.http, in
// the order of the requests, and recording.json. A file is the request and the
// answer as HTTP/1.1 writes them, one after the other; the answer's body goes to
// the end of the file. What gives access is not in it: credentials, tokens,
// cookies and whatever stands in a field, parameter or header with a name like
// token, secret or password are replaced by Removed, and the source's origin by
// Origin. Everything else is as the source sent it: a recording is as
// confidential as the tasks in it.
package recording
