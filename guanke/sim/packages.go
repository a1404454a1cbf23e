package sim

import (
	"fmt"
	"strconv"
	"time"

	"tasksync/task"
)

// maxLag is how many days after its own a package still has tasks.
const maxLag = 8

// maxSlots is how many packages a day can register, so that a site with its
// letter stands for one package of a day: 13 groups of three sites, of which
// one has two packages.
const maxSlots = 52

var sites = [...]string{
	"上海", "北京", "广州", "深圳", "杭州", "南京", "苏州", "成都", "重庆", "武汉",
	"西安", "长沙", "郑州", "济南", "青岛", "合肥", "福州", "厦门", "南昌", "昆明",
	"贵阳", "南宁", "海口", "太原", "石家庄", "天津", "沈阳", "大连", "长春", "哈尔滨",
	"兰州", "西宁", "银川", "宁波", "无锡", "佛山", "东莞", "徐州", "温州",
}

var (
	grades       = [...]string{"高中", "初中", "小学", "考研", "专升本"}
	gradeWeights = []int{45, 25, 12, 10, 8}
	sizes        = [...]int{1000, 2000, 3000, 5000, 8000, 10000, 20000}
	suppliers    = [...]string{"dy", "ks", "xhs", "bd"}
)

// parcel is a data package in its parts.
type parcel struct {
	day      day
	site     string
	letter   string
	grade    string
	count    int
	practice bool
	disabled bool
	external string
	name     string
}

func (p *parcel) mmdd() string { return p.day.mmdd }

func (p *parcel) code() string {
	return p.site + "-" + p.mmdd() + p.letter + "-" + p.grade + "-" + strconv.Itoa(p.count)
}

// parcel makes the package of a slot; it does not depend on how many slots a
// day uses.
func (w *world) parcel(d day, slot int) parcel {
	shift := newRandom(w.seed, aboutDay, int64(d.no))
	r := newRandom(w.seed, aboutPackage, int64(d.no), int64(slot))
	// A group of four slots has three sites; the second one's two packages are
	// told apart by a letter.
	member := [...]int{0, 1, 1, 2}[slot%4]
	p := parcel{
		day:    d,
		site:   sites[(shift.below(len(sites))+slot/4*3+member)%len(sites)],
		letter: [...]string{"", "A", "B", ""}[slot%4],
		grade:  grades[r.pick(gradeWeights)],
		count:  sizes[r.below(len(sizes))],
	}
	if r.below(2) == 0 { // Some numbers were not valid.
		p.count -= r.between(1, p.count/10)
	}
	p.practice = r.below(5) == 0
	// A day's first package is always usable, so that its tasks find one.
	p.disabled = r.below(50) == 0 && slot > 0
	p.external = strconv.Itoa(100_000 + (d.no*maxSlots+slot)%900_000)
	extra := ""
	if r.below(3) == 0 {
		extra = "加购"
	}
	year := time.Unix(d.start, 0).In(w.zone).Year()
	p.name = fmt.Sprintf("%s-%d%s-%s%s.csv", suppliers[r.below(len(suppliers))], year, p.mmdd(), p.grade, extra)
	return p
}

// parcelsOf are all packages of a day. The result must not be changed.
func (w *world) parcelsOf(no int) []parcel {
	const keptDays = 4096
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept, ok := w.parcels[no]; ok {
		return kept
	}
	if len(w.parcels) >= keptDays {
		clear(w.parcels)
	}
	out := make([]parcel, w.slots)
	d := w.day(no)
	for slot := range out {
		out[slot] = w.parcel(d, slot)
	}
	w.parcels[no] = out
	return out
}

// Packages are the registered packages that tasks made in [from, to) may
// name, by day. Of cfg only Seed, TasksPerDay and Zone count; an invalid cfg
// has none. A code holds no year: where a range of years would give one twice,
// only the earlier package is there.
func Packages(cfg Config, from, to time.Time) []task.Package {
	cfg.setDefaults()
	if cfg.validate() != nil || !from.Before(to) {
		return nil
	}
	w := newWorld(cfg)
	var out []task.Package
	seen := make(map[string]bool)
	for no := w.dayOf(from) - maxLag; no <= w.dayOf(to.Add(-1))-1; no++ {
		for _, p := range w.parcelsOf(no) {
			code := p.code()
			if seen[code] {
				continue
			}
			seen[code] = true
			at := time.Unix(p.day.start, 0).In(w.zone).Add(9 * time.Hour)
			out = append(out, task.Package{
				Code: code, Name: p.name, ExternalID: p.external, Enabled: !p.disabled,
				CreatedAt: at, UpdatedAt: at,
			})
		}
	}
	return out
}
