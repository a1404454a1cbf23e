package task

// Balanced reports whether the three sums of a finished run hold.
func (c Counts) Balanced() bool {
	return c.Total == c.Matched+c.Pending+c.Failed+c.Idle &&
		c.Total == c.New+c.Updated+c.Rejected+c.Unstored &&
		c.Total == c.Fetched-c.Duplicate-c.Unprocessed
}

// Drift is how many more entries the last reading saw than the source said it
// has, below zero for fewer; nil where the source says nothing.
func (r Record) Drift() *int {
	if r.SourceTotal == nil {
		return nil
	}
	drift := r.Distinct - *r.SourceTotal
	return &drift
}

// Balanced reports whether the record's sums hold, all that was fetched had its
// turn, and the run saw what the source said it has. Only such a run is a
// success.
func (r Record) Balanced() bool {
	drift := r.Drift()
	return r.Counts.Balanced() && r.Counts.Unprocessed == 0 && (drift == nil || *drift == 0)
}

// WarningCode names a kind of warning.
type WarningCode string

// The warnings. Each compares what the source gave with what it gave before,
// and none changes the status of a run.
const (
	// WarnEmpty is a source that gave nothing where it had something: in the same
	// window, or at the same slot before.
	WarnEmpty WarningCode = "source_empty"
	// WarnShrunk is a source that gave at least a fifth less than is stored of the
	// same window. No task is then marked as missing.
	WarnShrunk WarningCode = "source_shrunk"
	// WarnFarLess is a source that gave less than a fifth of what it gave at the
	// same slot before.
	WarnFarLess WarningCode = "source_far_less"
)

// Warning is what people should look at though the run went well.
type Warning struct {
	Code WarningCode `json:"code"`
	// Text says in Chinese what was compared with what.
	Text string `json:"text"`
}

const (
	// SlotDays is how many days back the same slot of a schedule is looked for.
	SlotDays = 7
	// A slot that saw fewer entries than these says little about the next.
	leastForEmpty   = 5
	leastForFarLess = 20
	farLess         = 5
)

// CompareSlot compares how many entries a slot of a schedule saw with what the
// same slot saw on an earlier day. The code is "" where nothing is to be said:
// nothing at all is worth a warning if it was at least 5, less than a fifth if
// it was at least 20.
func CompareSlot(seen, before int) WarningCode {
	switch {
	case seen == 0 && before >= leastForEmpty:
		return WarnEmpty
	case before >= leastForFarLess && seen*farLess < before:
		return WarnFarLess
	}
	return ""
}
