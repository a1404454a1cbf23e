package sim

import (
	"strconv"
	"strings"
)

var (
	lagWeights   = []int{24, 20, 16, 12, 10, 8, 6, 4}
	groups       = [...]string{"A", "A+", "A-", "B", "C"}
	groupWeights = []int{35, 10, 15, 25, 15}
	lines        = [...]string{"L3", "L5", "L9", "L10", "L12"}
	freeNames    = [...]string{
		"测试任务-P1", "测试任务-P2", "新人培训-P1", "线路测试-L3", "客服回访-重要客户",
		"话术验证", "满意度回访-", "机器人联调-", "临时补呼 上午", "活动通知-老师",
	}
)

// The shares of the kinds of tasks, in thousandths; the rest needs no package.
const (
	shareExact = 800
	shareNoise = 80
)

// The ways in which people spoil a name.
const (
	noSite = iota
	noCount
	wrongLetter
	otherCount
	longGrade
	unregistered
	fullWidth
	spaces
	noiseKinds
)

// plan is what a task is made from beside its time.
type plan struct {
	name string
	// size is how many numbers the task has.
	size int
}

// plan draws the name and the size of a day's task.
func (w *world) plan(d day, r *random) plan {
	kind := r.below(1000)
	if kind >= shareExact+shareNoise {
		name := freeNames[r.below(len(freeNames))]
		if strings.HasSuffix(name, "-") {
			name += d.mmdd
		}
		return plan{name: name, size: r.between(20, 500)}
	}

	lag := 1 + r.pick(lagWeights)
	parcels := w.parcelsOf(d.no - lag)
	slot := r.below(len(parcels))
	for parcels[slot].disabled {
		slot = (slot + 1) % len(parcels)
	}
	p := parcels[slot]
	level := "N"
	switch {
	case p.practice:
		level = "P" + strconv.Itoa(lag)
	case lag > 1:
		level = "O" + strconv.Itoa(lag-1)
	}
	size := p.count * r.between(55, 100) / 100
	for range lag - 1 {
		size = size * 9 / 10
	}

	noise := -1
	if kind >= shareExact {
		noise = r.below(noiseKinds)
	}
	prefix := w.spoil(p, noise, r)
	group, line := groups[r.pick(groupWeights)], lines[r.below(len(lines))]
	if r.below(100) < 6 {
		group, line = line, group
	}
	name := prefix + "-" + level + "-" + group + "-" + line + "-" + d.mmdd
	switch noise {
	case fullWidth:
		name = strings.ReplaceAll(name, "-", "－")
	case spaces:
		name = strings.Replace(name, "-", " - ", 2) + "　"
	}
	return plan{name: name, size: max(size, 1)}
}

// spoil is the package's code with the fault that noise names; the code itself
// where the fault is not one of the code.
func (w *world) spoil(p parcel, noise int, r *random) string {
	switch noise {
	case noSite:
		return p.mmdd() + p.letter + "-" + p.grade + "-" + strconv.Itoa(p.count)
	case noCount:
		return p.site + "-" + p.mmdd() + p.letter + "-" + p.grade
	case wrongLetter:
		if p.letter == "" {
			p.letter = "A"
		} else {
			p.letter = ""
		}
	case otherCount:
		p.count = max(1, p.count*r.between(5, 85)/100)
	case longGrade:
		p.grade += [...]string{"加购", "体验", "回流"}[r.below(3)]
	case unregistered:
		// A day so far back that no package of the time has it; half of them
		// share a site with registered ones.
		p.day = w.day(p.day.no - 150)
		if r.below(2) == 0 {
			p.site = "海外"
		}
	}
	return p.code()
}
