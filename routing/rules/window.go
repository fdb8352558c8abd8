package rules

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a rule's time zone exists on every machine
)

const minutesADay = 24 * 60

// IsZero says whether no window is given; an empty list of days gives none.
func (w Window) IsZero() bool {
	return w.Zone == "" && len(w.Weekdays) == 0 && w.From == "" && w.To == ""
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// window compiles a window of the week. One that runs over midnight belongs to the day on which it opens.
func (k checker) window(w Window) condition {
	zone, err := time.LoadLocation(w.Zone)
	k.want(err == nil, "when.time.zone", fmt.Sprintf("%q is no time zone", w.Zone), "write Europe/Berlin, or leave it out for UTC")
	if err != nil {
		zone = time.UTC
	}
	days := k.weekdays(w.Weekdays)
	from := k.minute("when.time.from", w.From, 0)
	to := k.minute("when.time.to", w.To, minutesADay)
	return func(e *eval) (bool, error) {
		if e.At.IsZero() {
			return false, nil
		}
		at := e.At.In(zone)
		minute, day := at.Hour()*60+at.Minute(), at.Weekday()
		switch {
		case from < to && (minute < from || minute >= to):
			return false, nil
		case from >= to && minute < to: // since yesterday
			day = (day + 6) % 7
		case from >= to && minute < from:
			return false, nil
		}
		return days[day], nil
	}
}

func (k checker) weekdays(names []string) (days [7]bool) {
	for i, name := range names {
		found := false
		for d, short := range weekdays {
			if strings.EqualFold(name, short) || strings.EqualFold(name, time.Weekday(d).String()) {
				days[d], found = true, true
			}
		}
		k.want(found, fmt.Sprintf("when.time.weekdays[%d]", i), fmt.Sprintf("%q is no weekday", name), "want mon, tue, wed, thu, fri, sat or sun")
	}
	if len(names) == 0 {
		days = [7]bool{true, true, true, true, true, true, true}
	}
	return days
}

// minute reads a time of day.
func (k checker) minute(key, text string, empty int) int {
	if text == "" {
		return empty
	}
	if text == "24:00" {
		return minutesADay
	}
	at, err := time.Parse("15:04", text)
	k.want(err == nil, key, fmt.Sprintf("%q is no time of day", text), "write it as 22:00, in quotes")
	return at.Hour()*60 + at.Minute()
}
