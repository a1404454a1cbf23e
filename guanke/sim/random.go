package sim

// random is a small generator (SplitMix64) that is seeded anew for every task
// and package: seeding costs nothing, and the same seed gives the same numbers
// with every version of Go.
type random struct{ state uint64 }

// newRandom depends on all of the numbers.
func newRandom(seed int64, numbers ...int64) random {
	r := random{state: uint64(seed)}
	for _, n := range numbers {
		r.state = r.next() ^ uint64(n)*0xd1342543de82ef95
	}
	return r
}

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number from 0 to n-1.
func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

// between is a number from low to high.
func (r *random) between(low, high int) int { return low + r.below(high-low+1) }

// unit is a number in [0, 1).
func (r *random) unit() float64 { return float64(r.next()>>11) / (1 << 53) }

// pick is the index of one of the weights, by their share.
func (r *random) pick(weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := r.below(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return 0
}
