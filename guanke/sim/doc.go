// Package sim is a simulated source: a real HTTP server of the open API that
// spec/domain.md describes, for development, demonstrations and tests.
//
// # Data
//
// Every task is a pure function of (seed, day, index) and every package one of
// (seed, day, slot): nothing is stored, so that a day may have any number of
// tasks. Within a day the creation time rises with the index; a window or a
// page is found by search and arithmetic. A day's first task is made at
// 00:00:00, its last at 23:59:59. Tasks exist from 2015-01-01 on and never
// later than the clock. Call counts grow with the clock until the task's end,
// which is on its own day: tasks of earlier days do not change any more.
//
// About 80% of the tasks carry the exact code of a registered package, 8% a
// spoilt one as seen in the wild, 12% need none. A package of day D has tasks
// on the days D+1 to D+8, with rising levels.
//
// # Switches
//
// GET, PUT and DELETE on /_sim/clock freeze the clock and let it go again, on
// /_sim/faults they make the source misbehave (Faults), on /_sim/changes they
// rename, delete, add and move tasks (Changes), at once or while the pages are
// read. GET /_sim/stats counts requests, and GET /_sim/truth streams what the
// source holds for a window, changes included. A browser is not trusted: these
// endpoints answer only to loopback names and allowed hosts and refuse writes of
// other origins.
package sim
