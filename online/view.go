package online

import "time"

// View is everything that is watched, as of one look.
type View struct {
	At time.Time
	// Windows are rolling windows by their name: "1m", "5m", "1h".
	Windows  map[string]Window
	Accuracy []Accuracy
	// CalibrationError is the ECE of P(Complex); not a number where nothing was judged. Judged counts what it is
	// made of.
	CalibrationError float64
	Judged           int64
	// Drift is the population stability index by feature.
	Drift  map[string]float64
	Spends []Spend
	// Open lists what is out of its bounds, by rule and subject.
	Open [][2]string
}
