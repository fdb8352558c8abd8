package gemma

import "math"

// RopeAngle is the angle in radians by which rotary embedding turns dimension d of a head at a position: the
// pair (d, d+width/2) turns by position*base^(-2d/width) (Su et al. 2021, arXiv:2104.09864, in the half-split layout).
func RopeAngle(position, base float64, d, width int) float64 {
	return position * math.Pow(base, -2*float64(d%(width/2))/float64(width))
}
