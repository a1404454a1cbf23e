// Package check tries a source as a run would read it, step by step, and says
// in plain words what is wrong with the settings or the mapping and how to mend
// it. It asks the source through package guanke alone, so that what it finds is
// what a run would find, and reads the answers a second time to see what the
// client passes over. No step changes anything at the source, and nothing that
// it says holds a credential or a token.
package check
