package main

import (
	"fmt"
	"strconv"
	"time"
)

// date is a day of the Gregorian calendar.
func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// written is a date as a question has it: "4 July 1776".
func written(t time.Time) string { return t.Format("2 January 2006") }

var weekdays = []struct {
	day        time.Time
	difficulty float64
}{
	{date(2000, 1, 1), .25},
	{date(1969, 7, 20), .4},
	{date(2024, 2, 29), .4},
	{date(1945, 5, 8), .45},
	{date(1912, 4, 15), .55},
	{date(1789, 7, 14), .6},
	{date(1871, 1, 18), .65},
	{date(2050, 12, 31), .7},
	{date(1648, 10, 24), .8},
	{date(2311, 3, 9), .85},
}

var spans = []struct {
	from, to   time.Time
	difficulty float64
}{
	{date(2025, 3, 1), date(2025, 3, 31), .08},
	{date(2025, 1, 1), date(2025, 12, 25), .3},
	{date(2024, 2, 10), date(2024, 3, 10), .25},
	{date(2023, 8, 17), date(2024, 2, 3), .45},
	{date(1969, 7, 20), date(1989, 11, 9), .7},
	{date(1914, 7, 28), date(1918, 11, 11), .65},
	{date(1815, 6, 18), date(2015, 6, 18), .85},
}

var later = []struct {
	from       time.Time
	days       int
	difficulty float64
}{
	{date(2025, 5, 1), 30, .1},
	{date(2025, 12, 20), 14, .12},
	{date(2024, 1, 31), 60, .3},
	{date(2023, 6, 15), 100, .4},
	{date(2020, 2, 1), 1000, .65},
	{date(1999, 12, 31), 10000, .82},
}

var daysOfYear = []struct {
	day        time.Time
	difficulty float64
}{{date(2025, 2, 1), .1}, {date(2025, 7, 4), .35}, {date(2024, 10, 31), .5}, {date(2100, 12, 1), .7}}

var leapYears = []struct {
	year       int
	difficulty float64
}{{2024, .03}, {2025, .04}, {2000, .15}, {1900, .15}, {2100, .2}, {1600, .2}}

// clock asks for the minutes between two times of one day.
var clock = []struct {
	from, to   string
	difficulty float64
}{{"09:00", "10:30", .03}, {"08:45", "11:20", .1}, {"06:17", "23:05", .25}, {"00:01", "23:58", .3}}

var calendarFacts = []item{
	{"How many days are in the month of September?", "30", .03},
	{"How many months of the year have 31 days?", "7 / seven", .08},
	{"Which is the shortest month of the year?", "February", .03},
	{"How many days does a cycle of 400 years of the Gregorian calendar have?", "146097 / 146,097", .55},
	{"In which year did the Gregorian calendar first come into use?", "1582", .3},
	{"Which day followed Thursday, 4 October 1582 in the countries that first took up the Gregorian calendar?", "Friday, 15 October 1582 / 15 October 1582 / October 15", .5},
	{"In which year did Great Britain take up the Gregorian calendar?", "1752", .45},
	{"In which month did the October Revolution of Russia begin by the Gregorian calendar?", "November", .3},
	{"On which weekday did 30 February 1900 fall?", "There was no such date / no such date", .35},
	{"From which day and year does Unix time count?", "1 January 1970 / January 1, 1970 / 1970-01-01", .15},
}

func isLeap(year int) string {
	if date(year, 12, 31).YearDay() == 366 {
		return "yes"
	}
	return "no"
}

func minutesBetween(from, to string) int64 {
	a, errA := time.Parse("15:04", from)
	b, errB := time.Parse("15:04", to)
	if errA != nil || errB != nil {
		panic("generate: a time of day in the table above is wrong")
	}
	return int64(b.Sub(a) / time.Minute)
}

func calendar() []entry {
	const d = "calendar"
	entries := questions(d, calendarFacts)
	for _, w := range weekdays {
		q := fmt.Sprintf("Which day of the week is %s in the Gregorian calendar?", written(w.day))
		entries = append(entries, ask(d, w.difficulty, q, w.day.Weekday().String()))
	}
	for _, s := range spans {
		q := fmt.Sprintf("How many days after %s is %s?", written(s.from), written(s.to))
		entries = append(entries, ask(d, s.difficulty, q, grouped(int64(s.to.Sub(s.from).Hours()/24))))
	}
	for _, l := range later {
		q := fmt.Sprintf("Which date is %d days after %s?", l.days, written(l.from))
		entries = append(entries, ask(d, l.difficulty, q, spellings(l.from.AddDate(0, 0, l.days))))
	}
	for _, y := range daysOfYear {
		q := fmt.Sprintf("Which day of its year is %s, counting 1 January as 1?", written(y.day))
		entries = append(entries, ask(d, y.difficulty, q, strconv.Itoa(y.day.YearDay())))
	}
	for _, y := range leapYears {
		q := fmt.Sprintf("Is %d a leap year in the Gregorian calendar?", y.year)
		entries = append(entries, ask(d, y.difficulty, q, isLeap(y.year)))
	}
	for _, c := range clock {
		q := fmt.Sprintf("How many minutes are from %s to %s on the same day?", c.from, c.to)
		entries = append(entries, ask(d, c.difficulty, q, grouped(minutesBetween(c.from, c.to))))
	}
	return entries
}

func spellings(t time.Time) string {
	return written(t) + " / " + t.Format("January 2, 2006") + " / " + t.Format(time.DateOnly)
}
