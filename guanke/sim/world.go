package sim

import (
	"sort"
	"sync"
	"time"
)

// The first argument after the seed, so that the numbers of different things
// are independent.
const (
	aboutTask int64 = iota
	aboutCreation
	aboutPackage
	aboutDay
	aboutFault
	aboutRename
	aboutDelete
	aboutAdd
	aboutMove
)

// world is the data set.
type world struct {
	seed   int64
	perDay int
	zone   *time.Location
	// stride is the distance of two days' ids, a power of 10 of at least
	// 1,000.
	stride int64
	// slots is how many packages a day registers.
	slots int

	mu sync.Mutex
	// parcels keeps the packages of recently used days.
	parcels map[int][]parcel
}

func newWorld(cfg Config) *world {
	w := &world{
		seed:    cfg.Seed,
		perDay:  cfg.TasksPerDay,
		zone:    cfg.Zone,
		stride:  1000,
		slots:   min(max(4, (cfg.TasksPerDay+7)/8), maxSlots),
		parcels: make(map[int][]parcel),
	}
	for w.stride < int64(w.perDay) {
		w.stride *= 10
	}
	return w
}

// day is one calendar day of the zone.
type day struct {
	// no counts from 2015-01-01, which is 0.
	no int
	// start and length are in seconds.
	start, length int64
	// mmdd is the month and the day of the month, as names hold it.
	mmdd string
}

const firstYear = 2015

func (w *world) day(no int) day {
	midnight := time.Date(firstYear, 1, 1+no, 0, 0, 0, 0, w.zone)
	next := time.Date(firstYear, 1, 2+no, 0, 0, 0, 0, w.zone)
	return day{
		no: no, start: midnight.Unix(), length: next.Unix() - midnight.Unix(),
		mmdd: midnight.Format("0102"),
	}
}

func (w *world) dayOf(t time.Time) int {
	y, m, d := t.In(w.zone).Date()
	days := func(y int, m time.Month, d int) int64 {
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
	}
	return int(days(y, m, d) - days(firstYear, 1, 1))
}

// id has 7 digits for up to 1,000 tasks a day and rises with the creation
// time.
func (w *world) id(d day, index int) int64 {
	return w.stride*int64(1000+d.no) + int64(index)
}

// curve says at which second of a day which share of its tasks exists. Most
// are made in working hours, a few right after midnight.
var curve = [...]struct{ share, second float64 }{
	{0, 0},
	{0.08, 20 * 60},
	{0.14, 8 * 3600},
	{0.19, 9 * 3600},
	{0.55, 12 * 3600},
	{0.62, 14 * 3600},
	{0.88, 18 * 3600},
	{0.96, 21 * 3600},
	{1, 24 * 3600},
}

// created is the creation time of a day's task in seconds since the epoch. It
// does not fall when index rises.
func (w *world) created(d day, index int) int64 {
	switch index {
	case 0:
		return d.start
	case w.perDay - 1:
		return d.start + d.length - 1
	}
	r := newRandom(w.seed, aboutCreation, int64(d.no), int64(index))
	share := (float64(index) + r.unit()) / float64(w.perDay)
	i := 1
	for i < len(curve)-1 && share >= curve[i].share {
		i++
	}
	a, b := curve[i-1], curve[i]
	second := a.second + (b.second-a.second)*(share-a.share)/(b.share-a.share)
	return d.start + min(int64(second*float64(d.length)/86400), d.length-1)
}

// run is a day's tasks with indexes from low up to, but not including, high.
type run struct {
	day       day
	low, high int
}

// runs calls each with the tasks made from first to last, both included, in
// the order of their creation, until it answers false.
func (w *world) runs(first, last time.Time, each func(run) bool) {
	from, to := first.Unix(), last.Unix()
	for no := max(w.dayOf(first), 0); no <= w.dayOf(last); no++ {
		d := w.day(no)
		since := func(second int64) int {
			return sort.Search(w.perDay, func(i int) bool { return w.created(d, i) >= second })
		}
		r := run{day: d, high: w.perDay}
		if from > d.start {
			r.low = since(from)
		}
		if to < d.start+d.length-1 {
			r.high = since(to + 1)
		}
		if r.low < r.high && !each(r) {
			return
		}
	}
}
