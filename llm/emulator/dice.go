package emulator

import (
	"encoding/binary"
	"hash/fnv"
)

// draw is a number in [0, 1) that is a function of the seed and the parts.
func draw(seed uint64, parts ...string) float64 {
	return float64(hash(seed, parts...)>>11) / (1 << 53)
}

// hash folds the parts, each ended by a zero byte, and mixes the bits well.
func hash(seed uint64, parts ...string) uint64 {
	h := fnv.New64a()
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], seed)
	_, _ = h.Write(n[:])
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return mix(h.Sum64())
}

// drawN is draw for a counter.
func drawN(seed, n uint64, salt uint64) float64 {
	return float64(mix(mix(seed^salt*0x9e3779b97f4a7c15)+n*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
