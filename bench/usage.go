package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// clockTick is the unit of CPU time in /proc: Linux has shown user space a hundred a second on every
// architecture since 2.6.
const clockTick = 10 * time.Millisecond

// clocks are CPU times, of this process but for one.
type clocks struct {
	// self is all, user and system.
	self time.Duration
	// kernel is what of it is system time: writes, and the first touch of memory.
	kernel time.Duration
	// collecting is what the runtime estimates that collections of garbage took, with cores that would be idle.
	collecting time.Duration
	// postgres is the server's, where it is ours.
	postgres time.Duration
}

func (c clocks) since(before clocks) clocks {
	return clocks{
		self: c.self - before.self, kernel: c.kernel - before.kernel,
		collecting: c.collecting - before.collecting, postgres: c.postgres - before.postgres,
	}
}

// selfClocks reads all but Postgres's.
func selfClocks() (clocks, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return clocks{}, fmt.Errorf("CPU time: %w", err)
	}
	gc := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(gc)
	return clocks{
		self:       time.Duration(u.Utime.Nano() + u.Stime.Nano()),
		kernel:     time.Duration(u.Stime.Nano()),
		collecting: time.Duration(gc[0].Value.Float64() * float64(time.Second)),
	}, nil
}

// familyCPU is the CPU time of a process, of its living children and of those that it has waited for: a
// Postgres and its backends.
func familyCPU(pid int) (time.Duration, error) {
	self, err := procStat(pid)
	if err != nil {
		return 0, err
	}
	total := self.own + self.waited
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if s, err := procStat(child); err == nil && s.parent == pid { // one that is gone is in waited
			total += s.own
		}
	}
	return total, nil
}

type stat struct {
	parent      int
	own, waited time.Duration
}

// procStat reads /proc/PID/stat; the fields after the command's name are numbered from 3 in proc(5).
func procStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	_, after, ok := bytes.Cut(data, []byte(") "))
	f := bytes.Fields(after)
	if !ok || len(f) < 15 {
		return stat{}, fmt.Errorf("CPU time of process %d: /proc/%d/stat reads %q", pid, pid, data)
	}
	field := func(n int) int {
		v, _ := strconv.Atoi(string(f[n-3])) // the kernel's own numbers
		return v
	}
	return stat{
		parent: field(4),
		own:    time.Duration(field(14)+field(15)) * clockTick,
		waited: time.Duration(field(16)+field(17)) * clockTick,
	}, nil
}

// memory of a process in MiB; own is what of now is no page of a file.
type memory struct{ now, own, peak float64 }

// memoryOf reads /proc/PID/status; pid 0 is this process.
func memoryOf(pid int) (memory, error) {
	who := "self"
	if pid != 0 {
		who = strconv.Itoa(pid)
	}
	data, err := os.ReadFile("/proc/" + who + "/status")
	if err != nil {
		return memory{}, fmt.Errorf("memory of process %s: %w", who, err)
	}
	var m memory
	for line := range bytes.Lines(data) {
		f := bytes.Fields(line)
		if len(f) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(string(f[1]), 64)
		switch string(f[0]) {
		case "VmRSS:":
			m.now = kib / 1024
		case "RssAnon:":
			m.own = kib / 1024
		case "VmHWM:":
			m.peak = kib / 1024
		}
	}
	if m.now == 0 {
		return memory{}, fmt.Errorf("memory of process %s: no VmRSS in its status", who)
	}
	return m, nil
}
