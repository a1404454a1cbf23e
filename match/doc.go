// Package match decides which data package a task belongs to, from the task's
// name and from what the task itself says. It is pure: it reads no clock, no
// file and no network, and holds no state but an immutable Index.
//
// A task's name is put together by people as
//
//	<prefix>-<level>-<group>-<line>-<MMDD>
//
// and the prefix is the code of a data package,
//
//	<site>-<MMDD>[letter]-<grade>-<count>
//
// Normalize takes out what differs between two people who type the same name.
// Parse reads the name from its end. An Index is a snapshot of all packages;
// Lookup asks it for the two layers that need no search, and Search decides
// what Lookup left open.
package match
