package rules

import (
	"testing"
	"time"
)

func TestWindowsOfTheWeek(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(zone *time.Location, day, hour, minute int) time.Time {
		return time.Date(2026, 1, day, hour, minute, 0, 0, zone) // the 14th is a Wednesday
	}
	summer := time.Date(2026, 7, 15, 8, 30, 0, 0, time.UTC) // 10:30 in Berlin
	night := Window{Zone: "Europe/Berlin", Weekdays: []string{"fri", "Saturday"}, From: "22:00", To: "06:00"}
	office := Window{Zone: "Europe/Berlin", Weekdays: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "17:30"}
	for name, c := range map[string]struct {
		window Window
		at     time.Time
		want   bool
	}{
		"opens":                             {office, at(berlin, 14, 9, 0), true},
		"is closed before":                  {office, at(berlin, 14, 8, 59), false},
		"closes":                            {office, at(berlin, 14, 17, 30), false},
		"until then":                        {office, at(berlin, 14, 17, 29), true},
		"is closed on Sunday":               {office, at(berlin, 18, 10, 0), false},
		"goes by its zone":                  {office, at(time.UTC, 14, 8, 0), true},
		"goes by its zone's summer time":    {Window{Zone: "Europe/Berlin", From: "10:00", To: "11:00"}, summer, true},
		"runs over midnight":                {night, at(berlin, 16, 23, 0), true},
		"until the next morning":            {night, at(berlin, 18, 5, 59), true},
		"which belongs to the day before":   {night, at(berlin, 16, 5, 0), false},
		"and ends there":                    {night, at(berlin, 17, 6, 0), false},
		"is closed between":                 {night, at(berlin, 16, 12, 0), false},
		"of whole days":                     {Window{Weekdays: []string{"wed"}}, at(time.UTC, 14, 23, 59), true},
		"of whole days ends with them":      {Window{Weekdays: []string{"wed"}}, at(time.UTC, 15, 0, 0), false},
		"from a time on":                    {Window{From: "22:00"}, at(time.UTC, 14, 23, 0), true},
		"from a time on, not before":        {Window{From: "22:00"}, at(time.UTC, 14, 1, 0), false},
		"up to a time":                      {Window{To: "06:00"}, at(time.UTC, 14, 5, 0), true},
		"up to 24:00":                       {Window{From: "12:00", To: "24:00"}, at(time.UTC, 14, 23, 59), true},
		"around the clock from its opening": {Window{Weekdays: []string{"wed"}, From: "08:00", To: "08:00"}, at(time.UTC, 15, 7, 59), true},
		"without a time":                    {office, time.Time{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := mapper(t, spec(Rule{Name: "w", When: When{Time: c.window}, Then: large()}))
			f := asking("x")
			f.At = c.at
			if got := m.Map(f).Rule == "w"; got != c.want {
				t.Fatalf("at %v: %v, want %v", c.at, got, c.want)
			}
		})
	}
}
