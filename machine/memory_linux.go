package machine

import "syscall"

// Memory is what this machine or container has, in bytes; 0 where nobody says.
func Memory() uint64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return allowed(uint64(info.Totalram) * uint64(info.Unit)) //nolint:unconvert // 32 bits on some machines
}
